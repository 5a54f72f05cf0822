import Testing

@testable import Gateway

@Suite struct QuotaTests {
    private let start = ContinuousClock.now

    @Test func requestsComeBackWithTime() throws {
        let quotas = Quotas(requestsPerMinute: 3, bytesPerHour: nil)
        for _ in 0..<3 { try quotas.charge("a", bytes: 0, at: start) }
        let failure = #expect(throws: Failure.self) { try quotas.charge("a", bytes: 0, at: start) }
        #expect(failure?.kind == .quotaExceeded && failure?.headers.first?.1 == "20")
        // Others have their own.
        try quotas.charge("b", bytes: 0, at: start)
        try quotas.charge("a", bytes: 0, at: start + .seconds(20))
        #expect(throws: Failure.self) { try quotas.charge("a", bytes: 0, at: start + .seconds(21)) }
    }

    @Test func oneLargeBodyIsADebt() throws {
        let quotas = Quotas(requestsPerMinute: nil, bytesPerHour: 3600)
        try quotas.charge("a", bytes: 7200, at: start)
        let failure = #expect(throws: Failure.self) { try quotas.charge("a", bytes: 1, at: start) }
        #expect(failure?.headers.first?.1 == "3601")
        try quotas.charge("a", bytes: 1, at: start + .seconds(3602))
    }

    @Test func whatComesInChunksCounts() throws {
        let quotas = Quotas(requestsPerMinute: nil, bytesPerHour: 3600)
        try quotas.charge("a", bytes: 0, at: start)
        quotas.add("a", bytes: 10_000, at: start)
        #expect(throws: Failure.self) { try quotas.charge("a", bytes: 0, at: start) }
    }

    @Test func withoutQuotasNothingIsRemembered() throws {
        let quotas = Quotas(requestsPerMinute: nil, bytesPerHour: nil)
        for _ in 0..<1000 { try quotas.charge("a", bytes: .max) }
    }
}
