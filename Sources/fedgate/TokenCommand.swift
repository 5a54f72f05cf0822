internal import Credentials
internal import Envelopes
internal import Flags
internal import WireTime

/// `fedgate token`: makes, lists and revokes the tokens of clients.
extension Command {
    static let token = Command(
        name: "token", operands: "create | list | revoke ID",
        summary: "Make, list and revoke the tokens that clients show.",
        flags: [
            Flag("--tokens", .value("FILE"), "the file of tokens that the gateway reads (tokens.jsonl)"),
            Flag("--client", .value("ID"), "create: the only client that it may act for (any)"),
            Flag("--scopes", .value("LIST"), "create: of upload, read, command, operate (upload,read)"),
            Flag("--days", .value("N"), "create: days until it expires (never)"),
        ],
        run: { arguments throws(UsageFailure) in
            let path = arguments["--tokens"] ?? "tokens.jsonl"
            let made = arguments.operands == ["create"] ? try grant(arguments) : nil
            do throws(CredentialFailure) {
                if let made {
                    try create(made, in: path)
                } else if arguments.operands == ["list"] {
                    try list(path)
                } else if arguments.operands.count == 2, arguments.operands[0] == "revoke" {
                    return try revoke(arguments.operands[1], in: path)
                } else {
                    Terminal.error("fedgate: token needs one of: create, list, revoke ID")
                    return 2
                }
                return 0
            } catch {
                Terminal.error("fedgate: \(error)")
                return 1
            }
        })

    private static func grant(_ arguments: Arguments) throws(UsageFailure) -> (Token, Grant) {
        let list = arguments["--scopes"] ?? "upload,read"
        guard let scopes = Scope.set(list) else {
            let all = Scope.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageFailure("--scopes has to be a list of \(all), not \(list)")
        }
        let client = arguments["--client"]
        if let client, !Identifier.check(client) {
            throw UsageFailure("--client has to have 1 to 128 characters, no control characters and no slash")
        }
        let days = try arguments.integer("--days", in: 1...36_500, or: 0)
        let token = Token()
        let expires = days == 0 ? nil : (Timestamp.now() + Double(days) * 86_400).rounded(.down)
        return (token, Grant(hash: token.hash, clientID: client, scopes: scopes, expires: expires))
    }

    /// The token goes to stdout alone, so that it can be put into a secret store by a pipe.
    private static func create(_ made: (token: Token, grant: Grant), in path: String) throws(CredentialFailure) {
        var file = try TokenFile(path, mayBeMissing: true)
        try file.add(made.grant)
        Terminal.print(made.token.text)
        Terminal.error(
            "fedgate: \(path) has its hash under the id \(made.grant.id); it is not shown again. SIGHUP has a gateway read the file."
        )
    }

    private static func list(_ path: String) throws(CredentialFailure) {
        for grant in try TokenFile(path).grants {
            let scopes = Scope.allCases.filter(grant.scopes.contains).map(\.rawValue).joined(separator: ",")
            let expires = grant.expires.map { "until \(Timestamp.text($0))" } ?? "without end"
            Terminal.print("\(grant.id)  \(grant.clientID ?? "any client")  \(scopes)  \(expires)")
        }
    }

    private static func revoke(_ id: String, in path: String) throws(CredentialFailure) -> Int32 {
        var file = try TokenFile(path)
        guard try file.remove(id) else {
            Terminal.error("fedgate: \(path) has no token \(id); `fedgate token list` shows the ids")
            return 1
        }
        return 0
    }
}
