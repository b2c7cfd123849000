#include "options.hpp"

#include <getopt.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "base/error.hpp"
#include "errors.hpp"

namespace flame::fly {
namespace {

template <class Number>
Number number(const char* name, std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::usage,
                "--" + std::string(name) + " wants a number, got '" + std::string(text) + "'");
  return out;
}

std::pair<std::string, std::string> pair_of(const char* name, std::string_view text) {
  const auto at = text.rfind('=');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    throw Error(ErrorKind::usage, "--" + std::string(name) + " wants A=B, got '" + std::string(text) + "'");
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

// 5, or 5..10
boost::json::value setting_value(std::string_view text) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return number<std::int64_t>("set", text);
  return boost::json::array{number<std::int64_t>("set", text.substr(0, dots)),
                            number<std::int64_t>("set", text.substr(dots + 2))};
}

void change_setting(Settings& settings, std::string_view text) {
  const auto [name, value] = pair_of("set", text);
  try {
    settings.set(name, setting_value(value));
  } catch (const ApiError& error) {
    throw Error(ErrorKind::usage, "--set: " + error.body);
  }
}

}  // namespace

std::string_view help_text() {
  return R"(usage: flame-fly-emulator [options]
A double of the Fly Machines API whose machines are processes of this computer.
Prints the export lines that point a client at it, then a line a request.

  --app NAME            the app that is there at the start (demo)
  --other-app APP[=ORG] another app; may be repeated
  --org NAME            its organisation (personal)
  --region CODE         where machines go that name no region (iad)
  --image REF=DIR       DIR is the root file system of image REF; / is this
                        computer's; REF * stands for all others. May be repeated
  --no-machine          without the app's own machine
  --token TOKEN         the token to accept; else one is made
  --listen ADDRESS      where to listen, of 127/8 (127.0.0.1)
  --port N              the API's port (4280, or a free one)
  --proxy-port N        the http port of the proxy; 0: a free one (0)
  --proxy-tls-port N    its TLS port (0)
  --fast                steps take next to no time; rate limits stay
  --light               a machine only answers hello; for thousands of them
  --plain               no namespaces, though they could be had
  --seed N              the same ids, delays and faults again
  --set NAME=N[..N]     a setting, see flame-fly-emulator(1); may be repeated
  --fault JSON          a fault from the start; may be repeated
  --ready-file PATH     write the export lines there once it listens
  -q, --quiet           no line a request
  --help, --version
)";
}

Options parse_options(int argc, char** argv) {
  enum {
    app = 256,
    other_app,
    org,
    region,
    image,
    no_machine,
    token,
    listen,
    port,
    proxy_port,
    proxy_tls_port,
    fast,
    light,
    plain,
    seed,
    set,
    fault,
    ready,
    quiet,
    help,
    version
  };
  static constexpr std::array<option, 22> table = {{{"app", 1, nullptr, app},
                                                    {"other-app", 1, nullptr, other_app},
                                                    {"org", 1, nullptr, org},
                                                    {"region", 1, nullptr, region},
                                                    {"image", 1, nullptr, image},
                                                    {"no-machine", 0, nullptr, no_machine},
                                                    {"token", 1, nullptr, token},
                                                    {"listen", 1, nullptr, listen},
                                                    {"port", 1, nullptr, port},
                                                    {"proxy-port", 1, nullptr, proxy_port},
                                                    {"proxy-tls-port", 1, nullptr, proxy_tls_port},
                                                    {"fast", 0, nullptr, fast},
                                                    {"light", 0, nullptr, light},
                                                    {"plain", 0, nullptr, plain},
                                                    {"seed", 1, nullptr, seed},
                                                    {"set", 1, nullptr, set},
                                                    {"fault", 1, nullptr, fault},
                                                    {"ready-file", 1, nullptr, ready},
                                                    {"quiet", 0, nullptr, 'q'},
                                                    {"help", 0, nullptr, help},
                                                    {"version", 0, nullptr, version},
                                                    {nullptr, 0, nullptr, 0}}};
  Options out;
  std::vector<std::string> settings;
  for (int c; (c = ::getopt_long(argc, argv, "q", table.data(), nullptr)) != -1;) {
    switch (c) {
      case app:
        out.app = optarg;
        break;
      case other_app:
        out.other_apps.emplace_back(optarg);
        break;
      case org:
        out.org = optarg;
        break;
      case region:
        out.region = optarg;
        break;
      case image:
        out.images.push_back(pair_of("image", optarg));
        break;
      case no_machine:
        out.own_machine = false;
        break;
      case token:
        out.token = optarg;
        break;
      case listen:
        out.address = optarg;
        break;
      case port:
        out.port = number<std::uint16_t>("port", optarg);
        break;
      case proxy_port:
        out.proxy_port = number<std::uint16_t>("proxy-port", optarg);
        break;
      case proxy_tls_port:
        out.proxy_tls_port = number<std::uint16_t>("proxy-tls-port", optarg);
        break;
      case fast:
        out.fast = true;
        break;
      case light:
        out.light = true;
        break;
      case plain:
        out.plain = true;
        break;
      case seed:
        out.seed = number<std::uint64_t>("seed", optarg), out.seeded = true;
        break;
      case set:
        settings.emplace_back(optarg);
        break;
      case fault:
        out.faults.emplace_back(optarg);
        break;
      case ready:
        out.ready_file = optarg;
        break;
      case 'q':
        out.quiet = true;
        break;
      case help:
        out.help = true;
        break;
      case version:
        out.version = true;
        break;
      default:
        throw Error(ErrorKind::usage, "wrong option", "see flame-fly-emulator --help");
    }
  }
  if (optind < argc)
    throw Error(ErrorKind::usage, "takes no operand, got '" + std::string(argv[optind]) + "'");
  if (!out.address.starts_with("127."))
    throw Error(ErrorKind::usage,
                "--listen wants an address of 127/8: anybody who reaches it runs processes here");
  if (out.fast) out.settings.make_fast();
  for (const auto& text : settings) change_setting(out.settings, text);
  return out;
}

}  // namespace flame::fly
