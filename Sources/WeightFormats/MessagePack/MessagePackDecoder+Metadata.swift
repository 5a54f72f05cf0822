internal import Weights
internal import WireJSON

extension MessagePackDecoder {
    /// A value within the metadata, as JSON has it.
    func takeMetadata(_ token: MessagePackTokenizer.Token) throws(WeightFailure) {
        try budget.keepText(DecodeBudget.valueBytes, at: start)
        switch token {
        case .text(let count, let isBinary):
            guard !isBinary else {
                throw failure(
                    "metadata holds bin, which JSON does not have; send str, and Python's own numbers", at: start)
            }
            try budget.keepText(count, at: start)
            return try begin(.metadata, count)
        case .map(let count):
            try checkDepth()
            builder.beginObject()
            return try open(.metadata, isMap: true, count)
        case .list(let count):
            try checkDepth()
            builder.beginList()
            return try open(.metadata, isMap: false, count)
        case .null: builder.add(.null)
        case .bool(let value): builder.add(.bool(value))
        case .unsigned(let value): builder.add(Int64(exactly: value).map { .integer($0) } ?? .number(Double(value)))
        case .signed(let value): builder.add(.integer(value))
        case .float(let value):
            guard value.isFinite else { throw failure("metadata holds \(value), which JSON does not have", at: start) }
            builder.add(.number(value))
        case .extension, .unassigned:
            throw failure("metadata holds \(token.label), which JSON does not have", at: start)
        }
        try endValue()
    }

    private func checkDepth() throws(WeightFailure) {
        let limit = JSONTokenizer.maximumDepth
        guard frames.count < limit else {
            throw failure("metadata is nested deeper than \(limit)", at: start, limit: UInt64(limit))
        }
    }
}
