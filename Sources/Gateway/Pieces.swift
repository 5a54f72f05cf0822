extension StringProtocol {
    /// The text cut at each such ASCII character, empty pieces included.
    ///
    /// Byte by byte: finding where characters end costs more than all else that is done with a small request.
    func pieces(at separator: UInt8) -> [Substring] {
        let text = Substring(self)
        return text.utf8.split(separator: separator, omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Without blanks and tabs around it.
    func trimmed() -> Substring {
        var bytes = Substring(self).utf8
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return Substring(bytes)
    }
}
