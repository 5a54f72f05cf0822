internal import Flags

/// A command of the program.
struct Command: Sendable {
    let name: String
    /// What stands behind the name.
    let operands: String
    /// One line.
    let summary: String
    let flags: [Flag]
    let run: @Sendable (Arguments) throws(UsageFailure) -> Int32

    static let all: [Command] = [serve, aggregate, push, pull, inspect, convert, token, config]
}

/// What `--help` prints.
enum Help {
    static var overview: String {
        let width = Command.all.map(\.name.count).max() ?? 0
        let commands = Command.all.map { command in
            "  " + command.name + String(repeating: " ", count: width - command.name.count + 2) + command.summary
        }
        return """
            fedgate is the front door of a federated-learning system: clients upload arrays of weights over HTTP, an
            aggregator combines a round's updates, and clients get the round's result.

            Usage: fedgate COMMAND [FLAGS]

            \(commands.joined(separator: "\n"))

            fedgate COMMAND --help says more about a command, fedgate --version which version this is.

            To begin, without anything else installed:
              fedgate serve
              curl -T weights.fedwt 'http://127.0.0.1:8080/rounds/1/updates/site-a?num_samples=100'
              curl -f -o result.fedwt 'http://127.0.0.1:8080/rounds/1/result?wait=30'
            """
    }

    static func page(of command: Command) -> String {
        let names = command.flags.map { flag in
            switch flag.kind {
            case .toggle: "--[no-]" + flag.name.dropFirst(2)
            case .value(let what): flag.name + " " + what
            }
        }
        let width = names.map(\.count).max() ?? 0
        let lines = zip(names, command.flags).map { name, flag in
            "  " + name + String(repeating: " ", count: width - name.count + 2) + flag.help
        }
        let usage = ["Usage: fedgate", command.name, command.operands, command.flags.isEmpty ? "" : "[FLAGS]"]
        return """
            \(command.summary)

            \(usage.filter { !$0.isEmpty }.joined(separator: " "))

            \(lines.joined(separator: "\n"))
            """
    }
}
