/* A peer: the same addition as a gearman worker. Argument: the port of gearmand. */
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>

static gearman_return_t add(gearman_job_st *job, void *context) {
  double a = 0, b = 0;
  char text[64];
  (void)context;
  if (sscanf(gearman_job_workload(job), "%lf:%lf", &a, &b) != 2) return GEARMAN_ERROR;
  const int size = snprintf(text, sizeof text, "%.17g\n", a + b);
  return gearman_job_send_complete(job, text, (size_t)size) == GEARMAN_SUCCESS ? GEARMAN_SUCCESS : GEARMAN_ERROR;
}

int main(int argc, char **argv) {
  gearman_worker_st *worker = gearman_worker_create(NULL);
  if (argc != 2 || gearman_worker_add_server(worker, "127.0.0.1", (in_port_t)atoi(argv[1])) != GEARMAN_SUCCESS) return 1;
  const gearman_function_t function = gearman_function_create(add);
  if (gearman_worker_define_function(worker, "add", 3, function, 0, NULL) != GEARMAN_SUCCESS) return 1;
  while (gearman_worker_work(worker) == GEARMAN_SUCCESS) {
  }
  return 0;
}
