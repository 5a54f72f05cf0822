/// Lowercase hexadecimal text, as the protocol writes digests.
public enum Hex {
    /// Two digits a byte.
    ///
    /// - Parameter bytes: any number of them.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits: [UInt8] = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
