#include "runner/json_body.hpp"

#include <boost/json/parse.hpp>
#include <string>

#include "base/error.hpp"
#include "wire/limits.hpp"

namespace flame::runner {
namespace json = boost::json;

json::object read_object(std::string_view body, const char* what) {
  if (body.size() > wire::kJsonBodyMaxBytes)
    throw Error(ErrorKind::limit, std::string(what) + " of " + std::to_string(body.size()) +
                                      " bytes; the limit is " + std::to_string(wire::kJsonBodyMaxBytes));
  boost::system::error_code why;
  json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  if (why || !value.is_object())
    throw Error(ErrorKind::protocol, std::string(what) + " that is no JSON object");
  return std::move(value.get_object());
}

}  // namespace flame::runner
