// flame completion SHELL: a script that asks `flame __complete`, and so knows what this flame knows.
#include <string>

#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"

namespace flame::cli {
namespace {

enum Id { help };
constexpr OptionSpec kOptions[] = {{help, "help", 'h', nullptr, "this text"}};
constexpr VerbSpec kVerbs[] = {
    {"bash", "source <(flame completion bash)"},
    {"zsh", "flame completion zsh >a directory of $fpath/_flame"},
    {"fish", "flame completion fish | source"},
};

// Readline splits words at = : @ too: what has no blank in front belongs to the word before, and what of it
// readline keeps, all but a @, must not be in COMPREPLY. Names of files it completes itself where that is
// empty. A lone hint is shown by a second candidate that shares no letter with it, so that nothing is
// inserted.
constexpr const char* kBash = R"sh(# bash completion for flame
_flame() {
  local i word blanks rest=$COMP_LINE words=() line file hint= prefix=none
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    blanks=${rest%%[![:space:]]*}
    if [ "$i" -eq 0 ] || [ -n "$blanks" ]; then words+=("$word"); else words[-1]+=$word; fi
    rest=${rest#"$blanks"}
    rest=${rest#"$word"}
  done
  local current=${words[-1]} last=${COMP_WORDS[COMP_CWORD]}
  case $last in = | : | @) last= ;; esac
  local kept=${current%"$last"}
  kept=${kept%@}
  for ((i = 0; i < ${#words[@]} - 1; i++)); do
    case ${words[i]} in *[\\\'\"]*) words[i]=$(xargs printf %s <<<"${words[i]}" 2>/dev/null) ;; esac
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :hint\ *) hint=${line#:hint } ;;
      :files\ *) prefix=${line#:files } hint= ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("$(type -P -- "${words[0]/#\~\//$HOME/}" || echo flame)" __complete "${words[@]:1}" 2>/dev/null)
  if [ "$prefix" = @ ]; then
    while IFS= read -r file; do
      [ ! -d "$file" ] || { file+=/; compopt -o nospace 2>/dev/null; }
      printf -v file %q "$file"
      COMPREPLY+=("@$file")
    done < <(compgen -f -- "${current#@}")
  elif [ "$prefix" = "$kept" ]; then
    compopt -o default 2>/dev/null
  fi
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
  [ -z "$hint" ] || [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=("$hint" " ")
}
complete -F _flame flame
)sh";

constexpr const char* kZsh = R"sh(#compdef flame
_flame() {
  local line
  local -a found
  while IFS= read -r line; do
    case $line in
      (:hint\ *) _message -r "${line#:hint }" ;;
      (:files\ *)
        line=${line#:files }
        if [[ -z $line ]]; then
          _files
        elif [[ $PREFIX == $line* ]]; then
          compset -P "${(b)line}"
          _files
        fi
        ;;
      (*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done < <("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe flame found
}
if [[ $funcstack[1] == _flame ]]; then _flame "$@"; else compdef _flame flame; fi
)sh";

constexpr const char* kFish = R"sh(# fish completion for flame
function __flame_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    switch $line
      case ':hint *'
        printf '\n%s\n' (string sub -s 7 -- $line) >&2
        commandline -f repaint
      case ':files *'
        set -l prefix (string sub -s 8 -- $line)
        if test -z "$prefix"
          __fish_complete_path "$current"
        else if string match -q -- "$prefix*" "$current"
          __fish_complete_path (string sub -s (math 1 + (string length -- $prefix)) -- "$current") | string replace -r '^' -- $prefix
        end
      case '*'
        printf '%s\n' $line
    end
  end
end
complete -c flame -f -a '(__flame_complete)'
)sh";

}  // namespace

const CommandSpec kCompletionSpec = {
    "completion", "completions for a shell",        "SHELL", kOptions, kVerbs,
    "",           "source <(flame completion bash)"};

int completion_command(int argc, char** argv) {
  OptionReader reader(kCompletionSpec, argc, argv);
  if (reader.next() != nullptr) return print_help(help_text(kCompletionSpec).c_str());
  const char* word = reader.operand();
  const std::string shell = word != nullptr ? word : "";
  if (shell == "bash") return print_help(kBash);
  if (shell == "zsh") return print_help(kZsh);
  if (shell == "fish") return print_help(kFish);
  Error error =
      usage_error(kCompletionSpec, shell.empty() ? "wants a shell" : "unknown shell '" + shell + "'");
  error.hint = near_hint(shell, {"bash", "zsh", "fish"}, "bash, zsh and fish are known");
  throw error;
}

}  // namespace flame::cli
