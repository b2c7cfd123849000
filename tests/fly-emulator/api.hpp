// Every handler of the API; each file api_*.cpp is one resource. What they throw, the router answers.
#pragma once
#include "exchange.hpp"

namespace flame::fly::api {

// api_apps
void create_app(Exchange& x);
void list_apps(Exchange& x);
void get_app(Exchange& x);
void delete_app(Exchange& x);
void list_addresses(Exchange& x);
void add_address(Exchange& x);
void delete_address(Exchange& x);
// api_machines
void create(Exchange& x);
void get(Exchange& x);
void update(Exchange& x);
void destroy(Exchange& x);
// api_list
void list(Exchange& x);
void list_of_org(Exchange& x);
// api_verbs
void start(Exchange& x);
void stop(Exchange& x);
void suspend(Exchange& x);
void restart(Exchange& x);
void signal(Exchange& x);
void cordon(Exchange& x);
void uncordon(Exchange& x);
// api_wait
void wait(Exchange& x);
// api_exec
void exec(Exchange& x);
// api_history
void events(Exchange& x);
void versions(Exchange& x);
void ps(Exchange& x);
void get_memory(Exchange& x);
void put_memory(Exchange& x);
void reclaim_memory(Exchange& x);
// api_lease
void get_lease(Exchange& x);
void take_lease(Exchange& x);
void drop_lease(Exchange& x);
// api_metadata
void get_metadata(Exchange& x);
void patch_metadata(Exchange& x);
void get_metadata_key(Exchange& x);
void set_metadata_key(Exchange& x);
void delete_metadata_key(Exchange& x);
// api_secrets
void list_secrets(Exchange& x);
void set_secrets(Exchange& x);
void set_secret(Exchange& x);
void delete_secret(Exchange& x);
// api_platform
void placements(Exchange& x);
void region_list(Exchange& x);
void current_token(Exchange& x);
void deploy_token(Exchange& x);
void logs(Exchange& x);
// api_emulator: our own, under /_emulator
void journal(Exchange& x);
void bill(Exchange& x);
void machines(Exchange& x);
void faults(Exchange& x);
void add_fault(Exchange& x);
void clear_faults(Exchange& x);
void delete_fault(Exchange& x);
void settings(Exchange& x);
void set_settings(Exchange& x);
void tokens(Exchange& x);
void add_token(Exchange& x);

}  // namespace flame::fly::api
