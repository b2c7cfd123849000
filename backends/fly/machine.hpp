// A Fly Machine as flame looks at it: ours by its metadata, reached by its private address.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "backends/fly/guest.hpp"

namespace flame::backend::fly {

// Metadata keys of our machines. None of Fly's own: `fly deploy` must leave them alone.
inline constexpr const char* kPoolKey = "flame_pool";
inline constexpr const char* kGenerationKey = "flame_generation";
inline constexpr const char* kOwnerKey = "flame_owner";
inline constexpr const char* kKeeperKey = "flame_keeper";  // of a keeper's record (keep_lease.hpp): its pool
inline constexpr const char* kVersionKey = "flame_version";
inline constexpr const char* kPortKey = "flame_port";
inline constexpr const char* kTokenPath = "/run/flame-token";  // in the machine; the runner removes it

struct FlyMachine {
  std::string id, name, state, region, private_ip, instance_id;
  std::string image;  // registry/repository@digest, or as it was asked for
  std::string digest;
  std::string pool, generation;  // empty: not ours
  std::string keeper;            // the pool whose keeper's record this is
  bool leased = false;           // where the list was asked for leases
  std::string token;             // of the runner; empty where the config is not told
  std::string release, group;    // of `fly deploy`'s own machines
  std::uint64_t port = 0;
  std::uint64_t created_at_ms = 0, updated_at_ms = 0;
  Guest guest;

  bool ours() const { return !pool.empty(); }
  // What flame understands: started, stopping, stopped, suspended; empty when it is gone.
  std::string plain_state() const;
};

// Missing and odd members are taken as empty: the API leaves out zero values, and the config of machines
// whose host does not answer.
FlyMachine read_machine(const boost::json::value& value);

// Of its runner: "[fdaa::3]:8080". Empty where there is none.
std::string address_of(const FlyMachine& machine);

// MACHINE of backends/PROTOCOL.md. current_image: what a boot would use now, or "".
boost::json::object machine_object(const FlyMachine& machine, const std::string& current_image);

}  // namespace flame::backend::fly
