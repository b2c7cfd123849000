// Errors that several parts of a pool tell.
#pragma once
#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "client/pool/settings.hpp"

namespace flame::client {

inline Error pool_is_full(const PoolSettings& settings) {
  Error error(ErrorKind::capacity,
              "the pool '" + settings.name + "' has its most: max = " + std::to_string(settings.max),
              "max in flame.toml allows more");
  return error.at_phase("boot");
}

// Ours has no type: the engine's own words have its code there.
inline bool is_pool_full(const Error& error) {
  return error.kind == ErrorKind::capacity && error.type.empty();
}

// What an engine answers of a machine that was well and is gone: another will do.
inline bool tells_leaving(const Error& error) { return error.type == "has_left"; }

// What `connect` answers of a machine that died, where its runner did not leave by itself.
inline bool tells_death(const Error& error) {
  return error.kind == ErrorKind::boot_failed || error.kind == ErrorKind::out_of_memory;
}

inline Error costs_too_much(const PoolSettings& settings) {
  return Error(ErrorKind::limit,
               "the runners of the pool '" + settings.name + "' cost as much as max_cost_per_hour allows",
               "max_cost_per_hour in flame.toml allows more")
      .at_phase("boot");
}

// Of the first: there is none whose calls could be waited for.
inline Error too_dear(const PoolSettings& settings, double usd_per_second) {
  char price[64];
  std::snprintf(price, sizeof price, "%.4f", usd_per_second * 3600);
  Error error(ErrorKind::limit,
              "one machine of the pool '" + settings.name + "' costs " + price +
                  " an hour, more than max_cost_per_hour allows",
              "a smaller guest, or a greater max_cost_per_hour in flame.toml");
  error.type = "first";
  return error.at_phase("boot");
}

inline bool is_too_dear(const Error& error) { return error.kind == ErrorKind::limit && error.type.empty(); }

// The code of the backend protocol stands in type, where people would read it as the function's own.
inline Error for_people(Error error) {
  error.type.clear();
  return error;
}

}  // namespace flame::client
