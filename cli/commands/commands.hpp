// The commands of flame: each takes its own argv and returns the exit status, or throws Error.
#pragma once

namespace flame::cli {

int run_command(int argc, char** argv);
int map_command(int argc, char** argv);
int pool_command(int argc, char** argv);
int inspect_command(int argc, char** argv);
int check_command(int argc, char** argv);
int complete_command(int argc, char** argv);
int image_facts_command(int argc, char** argv);

}  // namespace flame::cli
