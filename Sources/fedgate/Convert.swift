internal import Envelopes
internal import Files
internal import Flags
internal import WeightFormats
internal import Weights

/// `fedgate convert`: writes a weight file in another format.
extension Command {
    static let convert = Command(
        name: "convert", operands: "FILE OUTPUT", summary: "Write a weight file in another format.",
        flags: [
            Flag(
                "--from", .value("FORMAT"),
                "the format of FILE; by default what its first bytes, its ending or a package's head say"),
            Flag("--to", .value("FORMAT"), "the format of OUTPUT; by default what its ending says"),
            Flag("--dtype", .value("TYPE"), "FILE is one array's bare elements, of that type, such as float32"),
            Flag("--shape", .value("LENGTHS"), "the array's dimensions, such as 2,3; by default it is a scalar"),
            Flag(
                "--sparse", .value("ENCODING"),
                "how binary_custom holds arrays that are mostly zero: pickle (the default), as the protocol's first readers"
                    + " take it, coo, which needs no unpickling, or never"),
        ],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.count == 2 else {
                throw UsageFailure("convert takes a file and the file to write")
            }
            let (input, output) = (arguments.operands[0], arguments.operands[1])
            let names = WeightFormats.all.flatMap { [$0.name] + $0.aliases }
            let from = try arguments.choice("--from", names).flatMap { WeightFormats.named($0) }
            let to = try arguments.choice("--to", names).flatMap { WeightFormats.named($0) }
            let sparse = try arguments.choice("--sparse", SparseEncoding.allCases.map(\.rawValue))
                .flatMap(SparseEncoding.init)
            let raw = try rawArray(arguments)
            guard raw == nil || from == nil || from?.decoder == nil else {
                throw UsageFailure("--dtype and --shape are only for raw bytes")
            }
            do {
                let target = try to ?? WeightFile.format(ofName: output)
                try File(reading: input).withMapping { bytes in
                    if from == nil, raw == nil, PackageReader.isPackage(bytes) {
                        return try WeightFile.convert(package: bytes, to: target, output, sparse: sparse)
                    }
                    let format =
                        try (raw == nil ? from : WeightFormats.named("raw")) ?? WeightFile.format(of: bytes, input)
                    try WeightFile.convert(bytes, format, raw: raw, to: target, output, sparse: sparse)
                }
                return 0
            } catch {
                Terminal.error("fedgate: \(Inspection.explain(error))")
                return 1
            }
        })

    /// What the flags say of bare elements; nil when they say nothing.
    private static func rawArray(_ arguments: Arguments) throws(UsageFailure) -> ArraySpec? {
        guard let dtype = try arguments.choice("--dtype", DType.allCases.map(\.rawValue)) else {
            guard arguments["--shape"] == nil else { throw UsageFailure("--shape needs --dtype, too") }
            return nil
        }
        do throws(WeightFailure) { return try ArraySpec(raw: dtype, shape: arguments["--shape"] ?? "") } catch {
            throw UsageFailure("--shape: \(error.reason)")
        }
    }
}
