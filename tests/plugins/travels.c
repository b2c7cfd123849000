/* A plugin that needs a library beside it and reads a file that travels with it. */
#define _GNU_SOURCE
#include <flame/files.h>
#include <flame/plugin.h>
#include <stdio.h>
#include <string.h>

int shipped_number(void); /* shipped.c */

static flame_value first(flame_call *call) {
  uint32_t count;
  return call->host->arguments(call, &count)[0];
}
static int from_library(flame_call *call) { return call->host->result_i64(call, shipped_number()); }
static int from_file(flame_call *call) {
  const flame_files *files = call->host->extension(call->host, FLAME_FILES_EXTENSION);
  const char *path = files->path(call->host, first(call).as.text);
  if (path == NULL) return call->host->result_null(call);
  char text[256];
  FILE *file = fopen(path, "re");
  const size_t size = file != NULL ? fread(text, 1, sizeof text, file) : 0;
  if (file != NULL) fclose(file);
  return call->host->result_string(call, text, size);
}

#define FUNCTIONS(F)                   \
  F(from_library, "() -> i64", "", "", "") \
  F(from_file, "(name: string) -> string?", "", "", "")
FLAME_PLUGIN_C("travels", "1.0", FUNCTIONS)
