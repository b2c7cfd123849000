/* A table written by hand, as a plugin of another revision of the ABI would have it: longer rows, a longer table.
 * NEEDS is the revision that it needs; MANIFEST_… make a manifest, true or not. */
#include <flame/plugin.h>
#include <string.h>

#ifndef NEEDS
#define NEEDS 1
#endif

struct longer_function {
  flame_function known;
  const char *later[3];
};
struct longer_plugin {
  flame_plugin known;
  void (*later[2])(void);
};

static int first(flame_call *call) { return call->host->result_i64(call, 1); }
static int second(flame_call *call) { return call->host->result_i64(call, 2); }
/* Whether the host has an extension; it says so for none that it does not know. */
static int knows(flame_call *call) {
  uint32_t count;
  const char *name = call->host->arguments(call, &count)[0].as.text;
  return call->host->result_bool(call, call->host->extension(call->host, name) != NULL);
}
/* The host says how large its own table is. */
static int host_size(flame_call *call) {
  return call->host->result_bool(call, call->host->struct_size >= sizeof(flame_host) && call->host->abi >= 1);
}

static const char *called = "nothing";
static int init(const flame_host *host) {
  called = host != NULL ? "init" : "init without host";
  return 0;
}
static int was_called(flame_call *call) { return call->host->result_string(call, called, strlen(called)); }

static const struct longer_function functions[] = {
    {{"first", "() -> i64", "", "", "", first}, {"x", "x", "x"}},
    {{"second", "() -> i64", "", "", "", second}, {"x", "x", "x"}},
    {{"knows", "(name: string) -> bool", "", "", "", knows}, {"x", "x", "x"}},
    {{"host_size", "() -> bool", "", "", "", host_size}, {"x", "x", "x"}},
    {{"was_called", "() -> string", "", "", "", was_called}, {"x", "x", "x"}},
};
static void crash(void) { *(volatile int *volatile)NULL = 1; }
static const struct longer_plugin plugin = {{sizeof(struct longer_plugin), NEEDS, sizeof(struct longer_function),
                                             sizeof functions / sizeof functions[0], "abi", "1.0", &functions[0].known,
                                             init, NULL},
                                            {crash, crash}};

FLAME_EXPORT const flame_plugin *flame_plugin_v1(const flame_host *host);
FLAME_EXPORT const flame_plugin *flame_plugin_v1(const flame_host *host) {
  (void)host;
  return &plugin.known;
}

#if defined(MANIFEST_LIES)
FLAME_MANIFEST_SECTION static const char manifest[] =
    "{\"flame_manifest\":1,\"abi_needed\":1,\"name\":\"abi\",\"version\":\"1.0\",\"functions\":["
    "{\"name\":\"first\",\"signature\":\"() -> i64\",\"doc\":\"\",\"flags\":\"\",\"guest\":\"\"},"
    "{\"name\":\"second\",\"signature\":\"() -> f64\",\"doc\":\"\",\"flags\":\"\",\"guest\":\"\"},"
    "{\"name\":\"knows\",\"signature\":\"(name: string) -> bool\",\"doc\":\"\",\"flags\":\"\",\"guest\":\"\"},"
    "{\"name\":\"host_size\",\"signature\":\"() -> bool\",\"doc\":\"\",\"flags\":\"\",\"guest\":\"\"},"
    "{\"name\":\"was_called\",\"signature\":\"() -> string\",\"doc\":\"\",\"flags\":\"\",\"guest\":\"\"}]}";
#elif defined(MANIFEST_NEEDS)
FLAME_MANIFEST_SECTION static const char manifest[] =
    "{\"flame_manifest\":1,\"abi_needed\":999,\"name\":\"abi\",\"version\":\"1.0\",\"functions\":[]}";
#endif
