/// The names of clients and senders.
public enum Identifier {
    /// Whether a name has 1 to 128 code points without control characters of ASCII and without `/`.
    ///
    /// Names are compared by their code points; nothing normalises them.
    ///
    /// - Parameter id: the name.
    public static func check(_ id: String) -> Bool {
        var count = 0
        for scalar in id.unicodeScalars {
            guard scalar.value > 0x1f, scalar.value != 0x7f, scalar != "/" else { return false }
            count += 1
            if count > 128 { return false }
        }
        return count > 0
    }
}
