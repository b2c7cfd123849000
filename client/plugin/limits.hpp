// What a plugin's file may make us read and keep. Nothing in it is trusted for length: each limit is tested
// at the limit and beyond.
#pragma once
#include <cstddef>
#include <cstdint>

namespace flame::client {

inline constexpr std::uint64_t kElfReadMaxBytes = 512ULL << 20;  // of one file, all its tables together
inline constexpr std::size_t kElfSegmentMaxCount = 512;
inline constexpr std::size_t kElfSectionMaxCount = 200'000;
inline constexpr std::size_t kElfDynamicMaxCount = 100'000;  // entries of the dynamic section
inline constexpr std::size_t kElfNeededMaxCount = 1024;      // libraries that a file needs
inline constexpr std::size_t kElfVersionMaxCount = 32'767;   // what the format itself allows
inline constexpr std::size_t kElfNameMaxBytes = 64 * 1024;   // of one symbol or library
inline constexpr std::size_t kManifestMaxBytes = 2U << 20;
inline constexpr std::size_t kManifestFunctionMaxCount = 4096;
inline constexpr std::size_t kManifestTextMaxBytes = 64 * 1024;  // of one signature or doc
inline constexpr std::size_t kDemangledMaxBytes = 4096;          // longer names stay mangled
inline constexpr std::size_t kFactsMaxBytes = 16U << 20;
inline constexpr std::size_t kClosureMaxCount = 4096;  // libraries looked at for one plugin
inline constexpr std::size_t kPluginCacheMaxCount = 512;
inline constexpr std::size_t kPluginCacheEntryMaxBytes = 1U << 20;

}  // namespace flame::client
