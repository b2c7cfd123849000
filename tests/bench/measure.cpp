// Times whole processes in turn (A B A B …) and prints a table of medians with the ratio to the first row.
//   measure ROUNDS < LIST     each line of LIST: NAME | COMMAND | EXIT STATUS | SETUP
// COMMAND is split at spaces and started directly; SETUP (may be empty) goes to sh before each, untimed.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Row {
  std::string name;
  std::vector<std::string> command;
  int status = 0;
  std::string setup;
  std::vector<double> us;
};

std::string trimmed(const std::string& text) {
  const auto from = text.find_first_not_of(' ');
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

Row row_from(const std::string& line) {
  std::istringstream parts(line);
  std::string name, command, status, setup;
  std::getline(parts, name, '|');
  std::getline(parts, command, '|');
  std::getline(parts, status, '|');
  std::getline(parts, setup);
  Row row;
  row.name = trimmed(name);
  row.status = std::atoi(status.c_str());
  row.setup = trimmed(setup);
  std::istringstream words(command);
  for (std::string word; words >> word;) row.command.push_back(word);
  return row;
}

// Microseconds from start to exit; what it prints goes nowhere.
double run(const Row& row) {
  std::vector<char*> argv;
  for (const auto& word : row.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  const auto begin = std::chrono::steady_clock::now();
  pid_t pid = 0;
  int status = 0;
  if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0 ||
      ::waitpid(pid, &status, 0) != pid) {
    std::fprintf(stderr, "measure: cannot run %s\n", argv[0]);
    std::exit(1);
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  posix_spawn_file_actions_destroy(&actions);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != row.status) {
    std::fprintf(stderr, "measure: %s ended with status %d, not %d\n", row.name.c_str(),
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), row.status);
    std::exit(1);
  }
  return took.count();
}

double at(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 0;
  std::vector<Row> rows;
  for (std::string line; std::getline(std::cin, line);)
    if (!line.empty()) rows.push_back(row_from(line));
  for (int round = 0; round < rounds; ++round)
    for (Row& row : rows) {
      if (!row.setup.empty() && std::system(row.setup.c_str()) != 0) return 1;
      row.us.push_back(run(row));
    }
  std::printf("| whole process, %d rounds in turn | median ms | p10 | p90 | ratio |\n|---|---|---|---|---|\n",
              rounds);
  double first = 0;
  for (Row& row : rows) {
    std::sort(row.us.begin(), row.us.end());
    const double median = at(row.us, 0.5);
    if (first == 0) first = median;
    std::printf("| %s | %.3f | %.3f | %.3f | %.2f |\n", row.name.c_str(), median / 1e3, at(row.us, 0.1) / 1e3,
                at(row.us, 0.9) / 1e3, median / first);
  }
  return 0;
}
