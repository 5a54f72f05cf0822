import Testing

@testable import Bytes

@Suite struct SlabPoolTests {
    @Test func refusesBeyondTheLimitAndLendsAgainAfterwards() throws {
        let pool = SlabPool(limit: 256 << 10)
        var first = pool.acquire(100_000)
        #expect(first != nil)
        let second = try #require(pool.acquire(100_000))
        #expect(pool.acquire(64 << 10) == nil)
        #expect(pool.lent == (first?.capacity ?? 0) + second.capacity)
        first = nil
        #expect(pool.acquire(64 << 10) != nil)
    }

    @Test func keepsWhatComesBackAndGivesItOutAgain() throws {
        let pool = SlabPool(limit: 1 << 20)
        let address = try #require(pool.acquire(200_000)).base
        #expect(pool.lent == 0)
        #expect(pool.mapped > 0)
        #expect(try #require(pool.acquire(200_000)).base == address)
    }

    @Test func unmapsOtherSizesToMakeRoom() throws {
        let pool = SlabPool(limit: 1 << 20)
        for _ in 0..<2 { _ = pool.acquire(400_000) }
        let whole = try #require(pool.acquire(1 << 20))
        #expect(whole.capacity == 1 << 20)
        #expect(pool.mapped == 1 << 20)
    }

    @Test func tooMuchIsRefusedWithoutOverflow() {
        let pool = SlabPool(limit: 1 << 20)
        #expect(pool.acquire(.max) == nil)
        #expect(pool.acquire((1 << 20) + 1) == nil)
        #expect(pool.acquire(-1)?.capacity == 64 << 10)
    }

    @Test(arguments: [1, 65_536, 65_537, 100_000, 1_000_000, 1_048_577, 10_000_000])
    func sizesFitAndWasteAtMostAFifth(count: Int) {
        let size = SlabPool.sizeClass(count)
        #expect(size >= count && size % 4096 == 0)
        if count > 65_536 { #expect(size - count <= count / 4) }
    }

    @Test func everyByteCanBeWritten() throws {
        let slab = try #require(SlabPool(limit: 1 << 20).acquire(70_000))
        for index in 0..<slab.capacity { slab.bytes[index] = UInt8(truncatingIfNeeded: index) }
        #expect(slab.bytes[69_999] == UInt8(truncatingIfNeeded: 69_999))
    }

    @Test func reservesUpToHalfOfTheLimitAndGivesItBack() throws {
        let pool = SlabPool(limit: 1 << 20)
        #expect(pool.reserve((512 << 10) + 1) == nil)
        var reservation = pool.reserve(400 << 10)
        #expect(reservation?.count == 400 << 10)
        #expect(pool.lent == 400 << 10 && pool.mapped == 0)
        #expect(pool.reserve(200 << 10) == nil, "over half together")
        #expect(pool.acquire(700 << 10) == nil, "slabs have the rest only")
        reservation = nil
        #expect(pool.lent == 0)
        let slab = try #require(pool.acquire(700 << 10))
        #expect(pool.reserve(512 << 10) == nil, "what slabs hold cannot be reserved")
        withExtendedLifetime(slab) {}
    }

    @Test func reservingMakesWayAmongWhatIsKept() {
        let pool = SlabPool(limit: 1 << 20)
        _ = pool.acquire(900_000)
        #expect(pool.mapped > 512 << 10)
        let reservation = pool.reserve(512 << 10)
        #expect(reservation != nil && pool.mapped <= 512 << 10)
    }

    @Test func severalSlabsComeTogetherOrNotAtAll() throws {
        let pool = SlabPool(limit: 256 << 10)
        let first = try #require(pool.acquire(64 << 10))
        #expect(pool.acquire(4, of: 64 << 10) == nil)
        #expect(pool.lent == first.capacity)
        #expect(pool.acquire(3, of: 64 << 10)?.count == 3)
        #expect(pool.acquire(0, of: 64 << 10)?.isEmpty == true)
        #expect(pool.lent == first.capacity)
    }

    @Test func whatGoesBeyondTheLimitIsNotKept() throws {
        let pool = SlabPool(limit: 128 << 10)
        var held = try #require(pool.acquire(2, of: 64 << 10))
        #expect(pool.acquire(1) == nil)
        held += try #require(pool.acquire(1, of: 0, beyondLimit: true))
        #expect(pool.lent == 192 << 10)
        held = []
        #expect(pool.lent == 0 && pool.mapped == 128 << 10)
        let context = try #require(pool.reserve(64 << 10))
        #expect(pool.reserve(1) == nil)
        let other = try #require(pool.reserve(64 << 10, beyondLimit: true))
        #expect(pool.lent == context.count + other.count)
        #expect(pool.reserve((64 << 10) + 1, beyondLimit: true) == nil)
    }
}
