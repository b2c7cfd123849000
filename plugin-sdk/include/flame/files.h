/* Files that travel with a plugin: what `flame run --with data.bin` named, or what lies beside the plugin in
 * the image. An extension of flame/plugin.h:
 *
 *     const flame_files *files = call->host->extension(call->host, FLAME_FILES_EXTENSION);
 *     const char *path = files != NULL ? files->path(call->host, "data.bin") : NULL;
 */
#ifndef FLAME_FILES_H
#define FLAME_FILES_H
#include <flame/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLAME_FILES_EXTENSION "flame.files/1"

typedef struct flame_files flame_files;
struct flame_files {
  uint32_t struct_size; /* bytes of this table as the host knows it */

  /* The absolute path of the file `name` (relative, with '/' between folders) as it lies from the
   * plugin's own folder, or NULL when there is none that can be read. Read it only. The string is the
   * host's and lives as long as the process. [any thread, also outside of calls] */
  const char *(*path)(const flame_host *host, const char *name);
};

#ifdef __cplusplus
}
#endif
#endif
