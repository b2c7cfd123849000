// What an answer of the Machines API means. Its status number alone does not tell: 409 is a name, a lease, a
// version or a full host, 412 a state or a full region. Texts as met in the field; unknown ones fall to the
// number.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace flame::backend::fly {

enum class Meaning : std::uint8_t {
  done,
  name_taken,    // a live machine has this name; holder is its id where it is told
  transient,     // lease, version or state: the same request may pass in a moment
  host_full,     // this machine cannot start where it is
  region_full,   // no such guest in these regions now
  quota,         // the organization may not have more
  rate_limited,  // nothing happened
  not_found,
  refused,    // token or owner
  invalid,    // the request itself is wrong
  not_yet,    // a wait that ran out
  ambiguous,  // it may have happened
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::string request_id;                      // fly-request-id
  std::string next_cursor;                     // fly-next-cursor
  std::optional<std::int64_t> retry_after_ms;  // Retry-After
};

struct Answer {
  Meaning meaning = Meaning::done;
  int status = 0;
  std::string text;  // what the API said
  std::string request_id, holder, next_cursor;
  std::optional<std::int64_t> retry_after_ms;
  bool late = false;  // the deadline left no time to ask again
  boost::json::value body;
};

Answer classify(const HttpReply& reply);

// "the Machines API said: TEXT (409, request 01J…)", with the kind and the hint that the meaning asks for.
Error error_from(const Answer& answer, const std::string& doing);
// The API's last words, where it is the deadline that made them the last.
Error until_the_deadline(Error words);

}  // namespace flame::backend::fly
