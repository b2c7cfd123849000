// Every size and count that the link allows, in one place; stated in PROTOCOL.md, tested at limit and
// limit + 1.
#pragma once
#include <cstddef>
#include <cstdint>

namespace flame::wire {

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kFrameBodyMaxBytes = 1024 * 1024;    // of one frame
inline constexpr std::size_t kPieceBytes = 64 * 1024;             // senders cut bodies and streams to this
inline constexpr std::size_t kMessageMaxBytes = 4 * 1024 * 1024;  // of one WebSocket message
inline constexpr std::size_t kJsonBodyMaxBytes = 64 * 1024;       // of a frame whose body is JSON for people
inline constexpr std::size_t kLogTextMaxBytes = 16 * 1024;        // of one log frame; longer text is cut
inline constexpr std::uint64_t kArgumentsMaxBytes = 4ULL << 30;   // of one call, all pieces
inline constexpr std::uint64_t kResultMaxBytes = 4ULL << 30;      // of one result, all pieces
inline constexpr std::uint32_t kArgumentMaxCount = 4096;          // arguments of one call
inline constexpr std::size_t kFunctionNameMaxBytes = 128;
inline constexpr std::size_t kJsonMaxDepth = 256;  // arrays and objects within one another in a value
inline constexpr std::size_t kEnvironmentMaxBytes = 32 * 1024;  // names and values of one bind
inline constexpr std::uint32_t kBindMaxCount = 1024;            // binds of one link
inline constexpr std::uint32_t kCredit = 1024;                  // calls in flight on one link
inline constexpr std::uint64_t kWindowBytes = 256 * 1024;       // call and input bytes ahead of `window`
inline constexpr std::size_t kQueueMaxCount = 4096;             // calls waiting in one runner
inline constexpr std::size_t kAuthMessageMaxBytes =
    4096;  // of a client's first message, where a token is used
inline constexpr std::size_t kHttpHeaderMaxBytes = 16 * 1024;  // request line and fields of a plain request
inline constexpr std::size_t kHttpBodyMaxBytes = 4 * 1024 * 1024;     // of POST /v1/run
inline constexpr std::size_t kHttpResultMaxBytes = 64 * 1024 * 1024;  // result and output of POST /v1/run
inline constexpr std::size_t kReplyBacklogMaxBytes =
    4 * 1024 * 1024;                                           // what a client's own frames caused, unread
inline constexpr std::uint64_t kPluginMaxBytes = 1ULL << 30;   // of one file that is sent to a runner
inline constexpr std::size_t kShipFileMaxCount = 256;          // files of one plugin
inline constexpr std::uint32_t kFeedAheadMaxCount = 256;       // calls given to one worker ahead
inline constexpr std::uint64_t kHeldKeepMs = 3'600'000;        // the end of a detached call, for its client
inline constexpr std::uint64_t kHeldMaxBytes = 16 << 20;       // output, result and logs of one detached call
inline constexpr std::uint64_t kHeldTotalMaxBytes = 64 << 20;  // of all that one runner keeps
inline constexpr std::size_t kHeldLogMaxBytes = 1 << 20;       // of one detached call's logs
inline constexpr std::size_t kHeldMaxCount = 1024;             // detached calls that one runner knows
inline constexpr std::uint64_t kLinkGraceMs = 10'000;          // for a lost link to be made again
inline constexpr std::size_t kReplayMaxBytes = 4 << 20;        // sent and not acknowledged; then senders wait
inline constexpr std::size_t kAcknowledgeBytes = 64 * 1024;    // that came: then the other side is told
inline constexpr std::size_t kWaitingSessionMaxCount = 64;     // sessions of one runner whose links are lost

}  // namespace flame::wire
