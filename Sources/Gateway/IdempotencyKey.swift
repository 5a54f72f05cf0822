/// `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a string in quotes; a bare one is taken, too.
enum IdempotencyKey {
    private static let longest = 255

    static func parse(_ field: String?) throws(Failure) -> String? {
        guard let field else { return nil }
        var key = field[...]
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = key.dropFirst().dropLast() }
        let isPrintable = key.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
        guard (1...longest).contains(key.utf8.count), isPrintable else {
            throw Failure(
                .badRequest,
                "Idempotency-Key has to be 1 to \(longest) printable ASCII characters without blanks, quotes and backslashes",
                limit: key.utf8.count > longest ? UInt64(longest) : nil)
        }
        return String(key)
    }
}
