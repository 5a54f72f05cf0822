internal import Files
internal import Flags
internal import WeightFormats

/// `fedgate convert`: writes a weight file in another format.
extension Command {
    static let convert = Command(
        name: "convert", operands: "FILE OUTPUT", summary: "Write a weight file in another format.",
        flags: [
            Flag("--from", .value("FORMAT"), "the format of FILE; by default what its first bytes or its ending say"),
            Flag("--to", .value("FORMAT"), "the format of OUTPUT; by default what its ending says"),
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
            do {
                let target = try to ?? WeightFile.format(ofName: output)
                try File(reading: input).withMapping { bytes in
                    try WeightFile.convert(
                        bytes, try from ?? WeightFile.format(of: bytes, input), to: target, output,
                        sparse: sparse.flatMap(SparseEncoding.init))
                }
                return 0
            } catch {
                Terminal.error("fedgate: \(Inspection.explain(error))")
                return 1
            }
        })
}
