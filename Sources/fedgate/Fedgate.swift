internal import Flags
internal import Glibc

/// The program: finds the command and gives it the rest of the line.
@main
enum Fedgate {
    static let version = "0.1.0"

    /// 0: done; 1: it failed; 2: the command line is wrong.
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do throws(UsageFailure) {
            exit(try run(arguments))
        } catch {
            Terminal.error("fedgate: \(error.description)")
            exit(2)
        }
    }

    private static func run(_ arguments: [String]) throws(UsageFailure) -> Int32 {
        guard let name = arguments.first, name != "--help", name != "-h", name != "help" else {
            Terminal.print(Help.overview)
            return arguments.isEmpty ? 2 : 0
        }
        if name == "--version" {
            Terminal.print("fedgate \(version)")
            return 0
        }
        guard let command = Command.all.first(where: { $0.name == name }) else {
            let known = Command.all.map(\.name) + ["--help", "--version"]
            throw UsageFailure("\(name) is not a command" + Nearest.hint(name, known))
        }
        let rest = Array(arguments.dropFirst())
        if rest.contains("--help") || rest.contains("-h") {
            Terminal.print(Help.page(of: command))
            return 0
        }
        return try command.run(try Arguments(rest, flags: command.flags))
    }
}
