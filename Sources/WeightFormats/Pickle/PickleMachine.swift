internal import Weights

/// A closed interpreter of pickles, protocols 2 to 5, that takes them in pieces.
///
/// It can build lists, tuples, dicts, strings, numbers and NumPy arrays, and nothing else: there is no way from a global
/// to code. Bytes go to the sink as they come, or stay where they are in a body that the pickle is a part of.
///
/// What it keeps is bounded: text by the limits, all else by a number of steps that the arrays alone can raise.
struct PickleMachine {
    enum Step {
        case opcode
        case argument(PickleOpcode)
        case text, long
        /// A line of GLOBAL.
        case line
        case data(left: UInt64)
        /// Bytes of a single one, which is held back: see `PickleGraph.Buffer`.
        case single
        case latin1(left: UInt64)
        case end
    }

    /// Protocol.md, section 2.
    static let maximumObjects = 1_000_000
    /// What the arrays of real picklers take, with room to spare.
    private static let stepsPerArray = 64
    /// The longest integers and names that are taken.
    static let maximumToken = 255

    var graph = PickleGraph()
    var budget: DecodeBudget
    var step = Step.opcode
    /// Bytes of the body that were taken.
    var offset: UInt64
    /// Where the opcode began that is at work.
    var start: UInt64
    let origin: UInt64
    /// Bytes are not given to the sink, and their places are those in the whole body.
    let isInPlace: Bool
    var field: [UInt8] = []
    var needed = 0
    /// The first line of GLOBAL.
    var module: String?
    /// Where the bytes began that come just now.
    var dataStart = 0
    var latin1 = Latin1Stream()
    var frameEnd: UInt64 = 0
    var stack: [PickleValue] = []
    /// How many values were on the stack at each MARK.
    var marks: [Int] = []
    var memo: [PickleValue] = []
    private var steps = 0

    /// - Parameters:
    ///   - limits: for text, bytes and arrays.
    ///   - origin: where the pickle begins in a whole body that is kept; nil when it is all of the body.
    init(limits: DecodeLimits, inPlaceAt origin: UInt64? = nil) {
        budget = DecodeBudget(limits: limits)
        isInPlace = origin != nil
        self.origin = origin ?? 0
        offset = self.origin
        start = self.origin
    }

    /// Where the bytes that come next will be found.
    var place: Int { isInPlace ? Int(clamping: offset) : budget.position }

    /// The array that is being built or comes next.
    var currentArray: Int {
        guard let last = graph.arrays.last else { return 0 }
        return last.contents == nil ? graph.arrays.count - 1 : graph.arrays.count
    }

    /// The key that lies on the stack below the value that is being made, in the innermost dict.
    var currentName: String? {
        guard let dict = stack.lastIndex(where: \.isDict) else { return nil }
        // The metadata's keys are no names.
        if dict > 0, graph.text(stack[dict - 1]) == "metadata" { return nil }
        var place = dict + 1
        while place + 1 < stack.count, isWholeArray(stack[place + 1]) { place += 2 }
        // In a dict of lists the key is not an array's.
        guard place < stack.count, !marks.contains(place + 1), !stack[(place + 1)...].contains(where: \.isList) else {
            return nil
        }
        return graph.text(stack[place])
    }

    private func isWholeArray(_ value: PickleValue) -> Bool {
        guard case .array(let index) = value else { return false }
        return graph.arrays[Int(index)].contents != nil
    }

    func failure(_ reason: String, at place: UInt64? = nil, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: place ?? start, array: currentArray, limit: limit)
    }

    /// Bytes that the objects take, about: each lies on the stack, and may be in the memo and in a container, too.
    var memory: Int { 3 * MemoryLayout<PickleValue>.stride * steps }

    /// Counts what takes memory.
    mutating func count() throws(WeightFailure) {
        steps += 1
        guard steps > Self.maximumObjects,
            steps > Self.maximumObjects + Self.stepsPerArray * graph.arrays.count
        else { return }
        throw failure(
            "the pickle makes more than \(Self.maximumObjects) objects", limit: UInt64(Self.maximumObjects))
    }

    mutating func push(_ value: PickleValue) throws(WeightFailure) {
        try count()
        stack.append(value)
    }

    mutating func pop() throws(WeightFailure) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
            throw failure("the stack is empty, or a MARK lies on it")
        }
        return value
    }

    func top() throws(WeightFailure) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw failure("the stack is empty, or a MARK lies on it")
        }
        return value
    }

    /// Takes away the last MARK.
    ///
    /// - Returns: how many values lie below it.
    mutating func popMark() throws(WeightFailure) -> Int {
        guard let mark = marks.popLast() else { throw failure("there is no MARK on the stack") }
        return mark
    }

    /// The only value, once the pickle is whole.
    func root() throws(WeightFailure) -> PickleValue {
        guard case .end = step, let value = stack.last else {
            throw failure("the body ends here, in the middle of a pickle", at: offset)
        }
        return value
    }
}
