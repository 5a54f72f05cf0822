// The program of every fuzz target; its name says which: fuzz-npz, fuzz-gzip, fuzz-message, …

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    do { try Chosen.target.run(UnsafeRawBufferPointer(start: start, count: count)) } catch { fatalError("\(error)") }
    return 0
}

private enum Chosen {
    static let target = choose(CommandLine.arguments.first ?? "")

    static func choose(_ program: String) -> FuzzTarget {
        let name = String(program.split(separator: "/").last?.dropFirst("fuzz-".count) ?? "")
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            fatalError("there is no target \(name); there are \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        }
        return target
    }
}
