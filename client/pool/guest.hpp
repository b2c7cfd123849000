// Which guest serves a call: the one that its user named, else the one that its function wants, else the
// pool's own.
#pragma once
#include <string>
#include <string_view>

#include "client/pool/settings.hpp"

namespace flame::client {

// Whether a machine of the guest own is as large as the wanted one in every respect. Guests are named as
// "shared-cpu-2x" or "performance-4x:16GB"; one that is named otherwise fits only itself.
bool guest_fits(std::string_view wanted, std::string_view own);

// The runners of another guest are a pool of their own, NAME-GUEST: of the pool's settings only these two
// differ.
PoolSettings rung_of(const PoolSettings& pool, const std::string& guest);

// The guest in the end of such a name: "performance-2x", "performance-2x-8gb". Empty: none is in it.
std::string guest_in_name(std::string_view end);

// The pool whose runners serve such a call: this one where its own guest is large enough, else NAME-GUEST,
// with this one's settings. flag, wish: "" where there is none. Throws Error(config) when the engine has one
// size.
PoolSettings pool_for_guest(const PoolSettings& pool, const std::string& flag, const std::string& wish);

}  // namespace flame::client
