#include "routes.hpp"

#include <array>

#include "api.hpp"

namespace flame::fly {
namespace {
using enum Access;
constexpr std::string_view kApp = "/v1/apps/{app}";
#define MACHINES "/v1/apps/{app}/machines"
#define MACHINE MACHINES "/{id}"

constexpr std::array kRoutes = {
    Route{"POST", "/v1/apps", "create_app", write, api::create_app},
    Route{"GET", "/v1/apps", "list_apps", read, api::list_apps},
    Route{"GET", kApp, "get_app", read, api::get_app},
    Route{"DELETE", kApp, "delete_app", write, api::delete_app},
    Route{"GET", "/v1/apps/{app}/ip_assignments", "list_addresses", read, api::list_addresses},
    Route{"POST", "/v1/apps/{app}/ip_assignments", "add_address", write, api::add_address},
    Route{"DELETE", "/v1/apps/{app}/ip_assignments/{key}", "delete_address", write, api::delete_address},
    Route{"POST", "/v1/apps/{app}/deploy_token", "deploy_token", write, api::deploy_token},

    Route{"POST", MACHINES, "create", write, api::create},
    Route{"GET", MACHINES, "list", read, api::list},
    Route{"GET", MACHINE, "get", read, api::get},
    Route{"POST", MACHINE, "update", write, api::update},
    Route{"DELETE", MACHINE, "delete", write, api::destroy},
    Route{"POST", MACHINE "/start", "start", write, api::start},
    Route{"POST", MACHINE "/stop", "stop", write, api::stop},
    Route{"POST", MACHINE "/suspend", "suspend", write, api::suspend},
    Route{"POST", MACHINE "/restart", "restart", write, api::restart},
    Route{"POST", MACHINE "/signal", "signal", write, api::signal},
    Route{"POST", MACHINE "/cordon", "cordon", write, api::cordon},
    Route{"POST", MACHINE "/uncordon", "uncordon", write, api::uncordon},
    Route{"GET", MACHINE "/wait", "wait", read, api::wait},
    Route{"POST", MACHINE "/exec", "exec", Access::exec, api::exec},
    Route{"GET", MACHINE "/events", "events", read, api::events},
    Route{"GET", MACHINE "/versions", "versions", read, api::versions},
    Route{"GET", MACHINE "/ps", "ps", read, api::ps},
    Route{"GET", MACHINE "/memory", "get_memory", read, api::get_memory},
    Route{"PUT", MACHINE "/memory", "put_memory", write, api::put_memory},
    Route{"POST", MACHINE "/memory/reclaim", "reclaim_memory", write, api::reclaim_memory},

    Route{"GET", MACHINE "/lease", "get_lease", read, api::get_lease},
    Route{"POST", MACHINE "/lease", "take_lease", write, api::take_lease},
    Route{"DELETE", MACHINE "/lease", "drop_lease", write, api::drop_lease},

    Route{"GET", MACHINE "/metadata", "get_metadata", read, api::get_metadata},
    Route{"PATCH", MACHINE "/metadata", "patch_metadata", write, api::patch_metadata},
    Route{"PUT", MACHINE "/metadata", "patch_metadata", write, api::patch_metadata},
    Route{"GET", MACHINE "/metadata/{key}", "get_metadata_key", read, api::get_metadata_key},
    Route{"POST", MACHINE "/metadata/{key}", "set_metadata_key", write, api::set_metadata_key},
    Route{"DELETE", MACHINE "/metadata/{key}", "delete_metadata_key", write, api::delete_metadata_key},

    Route{"GET", "/v1/apps/{app}/secrets", "list_secrets", read, api::list_secrets},
    Route{"POST", "/v1/apps/{app}/secrets", "set_secrets", write, api::set_secrets},
    Route{"POST", "/v1/apps/{app}/secrets/{key}", "set_secret", write, api::set_secret},
    Route{"DELETE", "/v1/apps/{app}/secrets/{key}", "delete_secret", write, api::delete_secret},

    Route{"GET", "/v1/orgs/{org}/machines", "list_of_org", read, api::list_of_org},
    Route{"POST", "/v1/platform/placements", "placements", read, api::placements},
    Route{"GET", "/v1/platform/regions", "regions", read, api::region_list},
    Route{"GET", "/v1/tokens/current", "current_token", read, api::current_token},
    Route{"GET", "/api/v1/apps/{app}/logs", "logs", read, api::logs},

    Route{"GET", "/_emulator/journal", "", open, api::journal},
    Route{"GET", "/_emulator/bill", "", open, api::bill},
    Route{"GET", "/_emulator/machines", "", open, api::machines},
    Route{"GET", "/_emulator/faults", "", open, api::faults},
    Route{"POST", "/_emulator/faults", "", open, api::add_fault},
    Route{"DELETE", "/_emulator/faults", "", open, api::clear_faults},
    Route{"DELETE", "/_emulator/faults/{key}", "", open, api::delete_fault},
    Route{"GET", "/_emulator/settings", "", open, api::settings},
    Route{"POST", "/_emulator/settings", "", open, api::set_settings},
    Route{"GET", "/_emulator/tokens", "", open, api::tokens},
    Route{"POST", "/_emulator/tokens", "", open, api::add_token},
};
#undef MACHINE
#undef MACHINES

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace flame::fly
