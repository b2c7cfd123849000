// What a link has until its hello has come.
#pragma once
#include <string>

#include "client/link/link.hpp"
#include "client/link/opening.hpp"

namespace flame::client {

struct Link::Beginning {
  Beginning(const Address& to, const std::string& session)
      : address(to), session_id(session), opening(to, session) {}
  enum class Stage : std::uint8_t { connect, answer, hello, resumed };
  Address address;
  std::string session_id;
  Opening opening;
  Stage stage = Stage::connect;
  std::string answer;
  wire::FrameReader frames;  // until those of the session begin
};

}  // namespace flame::client
