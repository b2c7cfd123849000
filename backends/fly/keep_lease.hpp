// Who keeps a pool, for all computers to see: a machine that is never launched, flame-POOL-keeper, whose
// lease the keeper holds. A name exists once in an app, and the API grants one lease at a time. A runner's
// own lease would not do: it would keep others from stopping it.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
#include "backends/kit/serve.hpp"

namespace flame::backend::fly {

// `lease`: {"lease": "…"} when it is ours for ttl_ms, else Error(busy). A lease that is given is renewed.
// image: of the record, should it be made.
boost::json::object keep_lease(Api& api, const Request& request, const std::function<std::string()>& image);
// `release`: the record goes.
boost::json::object release_lease(Api& api, const Request& request);
// A record as `list` shows it where it was left behind: nobody holds its lease.
boost::json::object record_object(const FlyMachine& record);

}  // namespace flame::backend::fly
