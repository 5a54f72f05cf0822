// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that the program's build knows nothing of it; its sources are links to the program's.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "compression-benchmark",
    targets: [
        .systemLibrary(name: "CLz4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        .target(name: "Compression", dependencies: ["CLz4", "CZlib", "CZstd"], swiftSettings: house),
        .executableTarget(name: "measure", dependencies: ["Compression"], swiftSettings: house),
    ]
)
