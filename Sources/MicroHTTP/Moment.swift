internal import Glibc

/// A point in time of the clock that goes on while the machine sleeps.
///
/// `ContinuousClock` keeps its own in a type of unknown size, and so makes every access to what holds one a computation.
struct Moment: Comparable, Sendable {
    let nanoseconds: Int64

    static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (one: Moment, other: Moment) -> Bool { one.nanoseconds < other.nanoseconds }

    static func - (one: Moment, other: Moment) -> Duration { .nanoseconds(one.nanoseconds - other.nanoseconds) }
}
