// A gearman worker that adds 1, or burns or sleeps as many milliseconds as the item says, or gives the item
// back.
//   map_gearman_worker PORT
#include <libgearman/gearman.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

double value_of(gearman_job_st* job) {
  return std::atof(
      std::string(static_cast<const char*>(gearman_job_workload(job)), gearman_job_workload_size(job))
          .c_str());
}

gearman_return_t give(gearman_job_st* job, double value) {
  char text[40];
  const int n = std::snprintf(text, sizeof text, "%.17g\n", value);
  return gearman_job_send_complete(job, text, static_cast<std::size_t>(n));
}

gearman_return_t add(gearman_job_st* job, void*) { return give(job, value_of(job) + 1); }
gearman_return_t sleep_ms(gearman_job_st* job, void*) {
  usleep(static_cast<useconds_t>(value_of(job) * 1000));
  return give(job, value_of(job));
}
gearman_return_t cpu_ms(gearman_job_st* job, void*) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  for (const double until = now() + value_of(job) / 1e3; now() < until;) continue;
  return give(job, value_of(job));
}
gearman_return_t echo(gearman_job_st* job, void*) {
  return gearman_job_send_complete(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  gearman_worker_st* worker = gearman_worker_create(nullptr);
  gearman_worker_add_server(worker, "127.0.0.1", static_cast<in_port_t>(std::atoi(argv[1])));
  const auto offer = [&](const char* name, gearman_return_t (*run)(gearman_job_st*, void*)) {
    gearman_worker_define_function(worker, name, std::strlen(name), gearman_function_create(run), 0, nullptr);
  };
  offer("add", add);
  offer("sleep_ms", sleep_ms);
  offer("cpu_ms", cpu_ms);
  offer("echo", echo);
  // Until it is killed: the server may not be there yet.
  for (;;)
    if (gearman_worker_work(worker) != GEARMAN_SUCCESS) usleep(50'000);
}
