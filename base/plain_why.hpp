// Why something failed, in words for people.
#pragma once
#include <boost/system/system_error.hpp>
#include <exception>
#include <string>

namespace flame {

// As what(), without the place in the library's source that Boost adds.
inline std::string plain_why(const std::exception& error) {
  const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
  return system != nullptr ? system->code().message() : error.what();
}

}  // namespace flame
