/* flame/plugin.h — the C ABI between a plugin and the worker that runs it.
 *
 * A plugin is a shared object that exports one symbol:
 *
 *     const flame_plugin *flame_plugin_v1(const flame_host *host);
 *
 * The worker calls it once, from its main thread, right after dlopen. What it returns describes the
 * plugin and stays valid until the process ends (plugins are never unloaded). Nothing else crosses
 * the border: no C++ type, no exception, no libc object. A plugin links against nothing of flame's.
 *
 * Strings are UTF-8 with an explicit length unless a comment says "NUL-terminated".
 * Unless a comment says otherwise, a host function may be called only from the thread that runs
 * invoke() and only until that invoke() returns; memory that it hands out lives until then.
 * [any thread] marks those that every thread of the plugin may call while the call runs.
 *
 * The tables may grow at their end only. A reader looks at a field only if it lies inside
 * struct_size. Larger additions come as extensions, asked for by "name/rev".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FLAME_PLUGIN_H
#define FLAME_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This header's revision of the ABI. A plugin states the least revision that its own features need
 * (abi_needed), not the one that it was compiled with. */
#define FLAME_ABI 1

/* ---- Values -------------------------------------------------------------------------------------
 * What the types of a signature become. See flame-plugin(3) for the grammar:
 *
 *     bool   i8 i16 i32 i64   u8 u16 u32 u64   f32 f64   string bytes json   [T]   T?   {name: T, ...}
 *
 * A narrow number comes as the wide one, its range checked. An array of numbers is packed, so that it can be
 * handed to numeric code as it is. Pointers of a value with count 0 may be NULL, except as.text. */
enum {
  FLAME_NULL = 0,      /* an optional that was not given; count 0 */
  FLAME_BOOL = 1,      /* as.u64 is 0 or 1 */
  FLAME_I64 = 2,       /* as.i64 */
  FLAME_U64 = 3,       /* as.u64 */
  FLAME_F64 = 4,       /* as.f64; may be NaN or infinite */
  FLAME_STRING = 5,    /* as.text: count bytes of valid UTF-8, then a NUL that count leaves out */
  FLAME_BYTES = 6,     /* as.bytes: count bytes of anything */
  FLAME_JSON = 7,      /* as.text: count bytes of one valid JSON value, then a NUL */
  FLAME_ARRAY = 8,     /* as.items: count values */
  FLAME_RECORD = 9,    /* as.items: count values, in the order of the signature */
  FLAME_I64_ARRAY = 10, /* as.i64s: count numbers, one after the other */
  FLAME_U64_ARRAY = 11, /* as.u64s */
  FLAME_F64_ARRAY = 12  /* as.f64s */
};

typedef struct flame_value flame_value;
struct flame_value {
  uint32_t kind; /* one of the kinds above */
  uint32_t reserved;
  uint64_t count; /* bytes of a text, items of an array or record; 0 otherwise */
  union {
    int64_t i64;
    uint64_t u64;
    double f64;
    const char *text;
    const uint8_t *bytes;
    const flame_value *items;
    const int64_t *i64s;
    const uint64_t *u64s;
    const double *f64s;
  } as;
};

/* ---- The host -----------------------------------------------------------------------------------*/

typedef struct flame_host flame_host;

/* One running call. Made by the host before invoke(), gone when invoke() returns. Only the first
 * field is public. */
typedef struct flame_call flame_call;
struct flame_call {
  const flame_host *host;
};

enum { FLAME_LOG_DEBUG = 0, FLAME_LOG_INFO = 1, FLAME_LOG_WARNING = 2, FLAME_LOG_ERROR = 3 };

/* What host functions that return int return. Any non-zero answer means: return from invoke() soon. */
enum {
  FLAME_OK = 0,
  FLAME_CANCELLED = 1, /* the caller no longer wants the result */
  FLAME_MISUSE = 2,    /* the plugin broke a rule of this header; the call will fail and say which */
  FLAME_BROKEN = 3     /* the stream is gone */
};

struct flame_host {
  uint32_t struct_size; /* bytes of this table as the host knows it */
  uint32_t abi;         /* revision of the ABI that the host speaks */

  /* A table for "name/rev", or NULL when this host does not have it. Valid for the life of the
   * process. [any thread, also outside of calls] */
  const void *(*extension)(const flame_host *host, const char *name_and_revision);

  /* -- Arguments -- */

  /* The arguments, converted to the types of the signature; *count is the number of parameters
   * (optional ones that were not given are there as FLAME_NULL). Owned by the host. */
  const flame_value *(*arguments)(flame_call *call, uint32_t *count);

  /* -- The result: written once, in the shape that the signature declares --
   * Bytes are copied. Arrays and records nest: begin, values, end; in a record result_key() comes
   * before each value. A function that declares no result writes none. */
  int (*result_null)(flame_call *call);
  int (*result_bool)(flame_call *call, int32_t value);
  int (*result_i64)(flame_call *call, int64_t value);
  int (*result_u64)(flame_call *call, uint64_t value);
  int (*result_f64)(flame_call *call, double value);
  int (*result_string)(flame_call *call, const char *text, uint64_t size); /* must be valid UTF-8 */
  int (*result_bytes)(flame_call *call, const void *data, uint64_t size);
  int (*result_json)(flame_call *call, const char *text, uint64_t size); /* one JSON value; checked */
  int (*begin_array)(flame_call *call);
  int (*end_array)(flame_call *call);
  int (*begin_record)(flame_call *call);
  int (*result_key)(flame_call *call, const char *text, uint64_t size);
  int (*end_record)(flame_call *call);

  /* The call failed. code 1 to 123 becomes the caller's exit status (others count as 1). type may be
   * NULL: a short name such as "std::invalid_argument" or "ENOENT". The first fail() counts; then
   * return a non-zero number from invoke(). [any thread] */
  int (*fail)(flame_call *call, int32_t code, const char *type, const char *message, uint64_t size);

  /* -- Telling -- */

  /* One line for the caller's stderr. [any thread] */
  void (*log)(flame_call *call, int32_t level, const char *text, uint64_t size);

  /* done of total (total 0: not known); note may be NULL (NUL-terminated). Cheap: the host passes
   * on a few a second. [any thread] */
  void (*progress)(flame_call *call, double done, double total, const char *note);

  /* 1 once the caller has given up; costs about as much as reading a variable. [any thread] */
  int32_t (*cancelled)(flame_call *call);

  /* Milliseconds until the deadline, 0 when it has passed, UINT64_MAX without one. [any thread] */
  uint64_t (*remaining_ms)(flame_call *call);

  /* -- Streams -- for functions flagged "streaming" */

  /* Reads up to capacity bytes of the caller's input; waits for at least one. Returns how many, 0 at
   * the end of the input, or a negative number when the call was cancelled or the stream broke. */
  int64_t (*read)(flame_call *call, void *buffer, uint64_t capacity);

  /* Writes to the caller's output, all or nothing; waits while the caller is slow. */
  int (*write)(flame_call *call, const void *data, uint64_t size);
};

/* ---- The plugin ---------------------------------------------------------------------------------*/

/* All strings of these tables are NUL-terminated and live as long as the process. */
typedef struct flame_function flame_function;
struct flame_function {
  const char *name;      /* [A-Za-z_][A-Za-z0-9_.-]*, at most 128 bytes */
  const char *signature; /* "(a: f64, b: f64) -> f64"; see flame-plugin(3) */
  const char *doc;       /* what it does, units of its parameters; may be "" */
  const char *flags;     /* words with a space between: "idempotent", "streaming"; may be "" */
  const char *guest;     /* machine wanted, such as "performance-4x"; "" for the pool's own */

  /* Runs one call and returns 0, or non-zero when it failed (after fail(), or with no message).
   * Called from the worker's main thread, one call at a time. No exception may leave it. */
  int (*invoke)(flame_call *call);
};

typedef struct flame_plugin flame_plugin;
struct flame_plugin {
  uint32_t struct_size;   /* sizeof(flame_plugin) as the plugin knows it */
  uint32_t abi_needed;    /* least FLAME_ABI whose features it uses; FLAME_ABI_NEEDED */
  uint32_t function_size; /* sizeof(flame_function) as the plugin knows it: the table's stride */
  uint32_t function_count;
  const char *name;
  const char *version;
  const flame_function *functions;

  /* Optional (NULL): called once before the first call and once before the worker ends in good
   * order; init's non-zero answer makes the plugin unusable. Main thread, no call running. */
  int (*init)(const flame_host *host);
  void (*shutdown)(void);
};

#define FLAME_ABI_NEEDED 1

/* ---- Writing a plugin in C ----------------------------------------------------------------------
 *
 *     #define FUNCTIONS(F) \
 *       F(add, "(a: f64, b: f64) -> f64", "Sum of a and b.", "idempotent", "")
 *     FLAME_PLUGIN_C("math", "1.0", FUNCTIONS)
 *
 * The list becomes the function table and the manifest: the same facts as JSON in the section
 * .flame.manifest, which flame reads without running the plugin. Texts are C string literals; a
 * quote or backslash inside one must be written for JSON (\\\" or \\\\), a newline as \\n. */

#define FLAME_EXPORT __attribute__((visibility("default"), used))

/* used: LTO keeps it. retain (SHF_GNU_RETAIN): --gc-sections keeps it. Being loaded: strip keeps it.
 * clang before 16 on old binutils lacks retain; there do without --gc-sections. */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define FLAME_MANIFEST_SECTION __attribute__((used, retain, aligned(1), section(".flame.manifest")))
#endif
#endif
#ifndef FLAME_MANIFEST_SECTION
#define FLAME_MANIFEST_SECTION __attribute__((used, aligned(1), section(".flame.manifest")))
#endif

#define FLAME_C_ROW_(fn, sig, doc, flags, guest) {#fn, sig, doc, flags, guest, fn},
/* A comma before each but the first cannot be had from a list macro, so the array ends in null. */
#define FLAME_C_JSON_(fn, sig, doc, flags, guest)                                                    \
  "{\"name\":\"" #fn "\",\"signature\":\"" sig "\",\"doc\":\"" doc "\",\"flags\":\"" flags               \
  "\",\"guest\":\"" guest "\"},"

#define FLAME_PLUGIN_C(plugin_name, plugin_version, FUNCTIONS)                                       \
  FLAME_MANIFEST_SECTION static const char flame_manifest_[] =                                       \
      "{\"flame_manifest\":1,\"abi_needed\":1,\"name\":\"" plugin_name "\",\"version\":\"" plugin_version  \
      "\",\"functions\":[" FUNCTIONS(FLAME_C_JSON_) "null]}";                                         \
  FLAME_EXPORT const flame_plugin *flame_plugin_v1(const flame_host *host);                          \
  FLAME_EXPORT const flame_plugin *flame_plugin_v1(const flame_host *host) {                         \
    static const flame_function functions[] = {FUNCTIONS(FLAME_C_ROW_)};                             \
    static const flame_plugin plugin = {sizeof(flame_plugin),                                        \
                                        FLAME_ABI_NEEDED,                                            \
                                        sizeof(flame_function),                                      \
                                        sizeof functions / sizeof functions[0],                      \
                                        plugin_name,                                                 \
                                        plugin_version,                                              \
                                        functions,                                                   \
                                        NULL,                                                        \
                                        NULL};                                                       \
    (void)host;                                                                                      \
    return &plugin;                                                                                  \
  }

#ifdef __cplusplus
}
#endif
#endif
