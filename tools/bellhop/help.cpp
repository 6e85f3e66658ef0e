// SPDX-License-Identifier: Apache-2.0
#include "help.hpp"

#include <utility>

namespace bellhop::tool {

const char address_forms[] = "  unix:PATH            a UNIX socket\n"
                             "  vsock:CID[:PORT]     the guest with that context id (port 1024 unless given)\n"
                             "  hybrid:PATH[:PORT]   the vsock socket of Firecracker or cloud-hypervisor\n"
                             "  xenstore:DOMID[@PATH]  a domain of this Xen host, by XenStore (PATH: its socket)\n"
                             "  ...=DIALECT          the language spoken there: frames (unless given) or qga;\n"
                             "                       over xenstore it is nova";

namespace {

const char overview[] = R"(Usage: bellhop [--at ENDPOINT] COMMAND ...
Ask the bellhop agent in a virtual machine: run commands, copy files in and out.

Commands:
  ping                      Is the agent there? Its version, and the round trip
  wait                      Wait until the agent answers
  info                      Show what the agent and its guest are
  run -- COMMAND [ARG]...   Run a command in the guest
  put LOCAL REMOTE          Copy a file into the guest
  get REMOTE LOCAL          Copy a file out of the guest
  call NAME [ARGUMENT]      Call a command of the guest's own, or of its agent
  password [USER]           Set a password in the guest
'bellhop COMMAND --help' tells more.
)";

const char common[] = R"(
For every command, before or behind its name:
  --at ENDPOINT              Where the agent is
                             (default: BELLHOP_AT from the environment)
  --json                     Print one JSON object instead of text, errors too
  --connect-timeout SECONDS  Give up connecting after this time (default 10)
  --answer-timeout SECONDS   Give up when the agent is silent for this time
                             (default: put and get 60; run --timeout plus 10, and
                             without it never; call its --timeout plus 10, or 70;
                             over xenstore 30; any other answer 10)
  -h, --help                 Print the help and exit
  --version                  Print the version and exit
)";

const char exit_codes[] = R"(
Exit codes:
  0    done
  1    the guest refused, its command failed, or a file on this side could not be read or written
  2    the command line is wrong
  3    nobody listens, or the endpoint cannot be reached
  4    the agent fell silent, hung up midway or sent nonsense
)";

const char examples[] = R"(
Examples:
  bellhop --at vsock:3 wait --timeout 30
  export BELLHOP_AT=hybrid:/run/vm/vsock.sock
  bellhop run -- ls -l '/srv/a b'
  bellhop put app.tar /srv/
  bellhop get /var/log/syslog - | less
)";

const char about_ping[] = R"(Usage: bellhop ping
Ask whether the agent is there. Prints its version, and the time from connecting
to its answer.
)";

const char about_wait[] = R"(Usage: bellhop wait [--timeout SECONDS]
Wait until the agent answers: while a guest boots, or resumes.

  --timeout SECONDS          Give up after this time and tell the last reason
                             (default 60; 0: try once)
)";

const char about_info[] = R"(Usage: bellhop info
Show the agent's version, what it can do, its limits, and what guest it is in.
With --json that is the agent's own answer.
)";

const char about_run[] = R"(Usage: bellhop run [OPTIONS] -- COMMAND [ARG]...
       bellhop run [OPTIONS] -c STRING
Run a command in the guest. Its output comes as it is printed, stdout and stderr
apart; its stdin is empty. Each word behind -- arrives as it is given; -c STRING
is a line for the guest's shell. Interrupting bellhop ends the command.

  -c STRING                  The line to run
  --shell login|raw          login: the guest's login shell with its profile (the
                             default); raw: /bin/sh -c
  --timeout SECONDS          Kill the command after this time (default: never)
  --env NAME=VALUE           Set a variable for the command; may be repeated

A qemu-ga tells the output when the command has ended, and cannot end it.
With --json the output is collected (64 MiB at most) into "stdout" and "stderr".
Bytes that are not UTF-8 are replaced there, and then "stdout_base64" or
"stderr_base64" has them all.
)";

const char run_exit_codes[] = R"(
Exit codes: the command's own, and
  124    the command was killed at its --timeout
  125    bellhop's own trouble: command line, connection, agent
  128+N  signal N ended the command

Examples:
  bellhop run -- grep -r 'a b' /etc
  bellhop run --timeout 60 --env LANG=C -c 'apt-get update && apt-get upgrade -y'
)";

const char about_put[] = R"(Usage: bellhop put [--mode OCTAL] LOCAL REMOTE
Copy a file into the guest. There it appears whole or not at all.

  LOCAL                      The file here; - is stdin
  REMOTE                     The file there, or a directory for it
  --mode OCTAL               Its permissions there
                             (default: LOCAL's; from stdin 0600)
)";

const char about_get[] = R"(Usage: bellhop get REMOTE LOCAL
Copy a file out of the guest. Here it appears whole or not at all, with the
permissions that it has there, except set-user-ID and the like.

  REMOTE                     The file there
  LOCAL                      The file here, or a directory for it; - is stdout
)";

const char about_call[] = R"(Usage: bellhop call [--timeout SECONDS] NAME [ARGUMENT]
       bellhop --at ENDPOINT=qga call NAME [ARGUMENTS]
       bellhop --at xenstore:DOMID call NAME [VALUE]
Call a command by its name and print what it answers.

  NAME                       frames: an own command of the guest, an executable in
                             its /etc/bellhop/commands.d
                             qga: a command of the QEMU guest agent, such as
                             guest-get-osinfo; own commands are called by
                             bellhop-call
                             xenstore: a command of nova's agent, or an own one
  ARGUMENT                   JSON: any (default: null), for qga an object (default:
                             none); for nova also a plain text (default: empty)
  --timeout SECONDS          Kill an own command after this time (default: the
                             guest's, usually 60); over frames only

Examples:
  bellhop call free-space '"/srv"'
  bellhop --at unix:/run/vm/qga.sock=qga call guest-fstrim '{"minimum": 4096}'
)";

const char about_password[] = R"(Usage: bellhop password [USER]
Set a user's password in the guest, over qga or xenstore. It is asked for twice,
or, where stdin is no terminal, is the first line there.

  USER                       Whose (default: root; over xenstore only root)
)";

}  // namespace

std::string help_for(const std::string& command)
{
    if (command == "run")
        return std::string(about_run) + common + run_exit_codes;
    for (const auto& [name, text] : {std::pair{"ping", about_ping},
                                     {"wait", about_wait},
                                     {"info", about_info},
                                     {"put", about_put},
                                     {"get", about_get},
                                     {"call", about_call},
                                     {"password", about_password}})
        if (command == name)
            return std::string(text) + common + exit_codes;
    return std::string(overview) + common + "\nENDPOINT is one of\n" + address_forms + "\n" + exit_codes +
           "  run  ends with the command's own code; see 'bellhop run --help'\n" + examples;
}

}  // namespace bellhop::tool
