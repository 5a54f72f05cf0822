internal import EventLog
internal import Synchronization
internal import Threads

/// Who of this process does a piece of work: the number of the current term, and whether somebody holds it.
final class Contest: Sendable {
    let state = Monitor((term: 0, isHeld: false))
}

/// One contender.
///
/// Thread: any.
final class SQLiteLeadership: Leadership {
    private let log: SQLiteLog
    private let contest: Contest
    private let held = Mutex<Int?>(nil)
    private let isClosed = Atomic(false)

    init(_ log: SQLiteLog, _ contest: Contest) {
        self.log = log
        self.contest = contest
    }

    func acquire(within timeout: Duration) throws(LogFailure) -> (any Term)? {
        // Who still holds a term and asks again has lost faith in it.
        giveUp()
        let term: Int? = contest.state.wait(within: timeout) { state in
            if isClosed.load(ordering: .acquiring) { return -1 }
            guard !state.isHeld else { return nil }
            state.isHeld = true
            state.term += 1
            return state.term
        }
        guard let term, term >= 0 else { return nil }
        held.withLock { $0 = term }
        return SQLiteTerm(log, contest, term)
    }

    func close() {
        isClosed.store(true, ordering: .releasing)
        giveUp()
        contest.state.change { _ in }
    }

    private func giveUp() {
        guard let term = held.withLock({ $0.take() }) else { return }
        contest.state.change { state in
            if state.term == term { state = (term + 1, false) }
        }
    }
}

/// A term; it is over once its number is not the contest's.
final class SQLiteTerm: Term {
    private let log: SQLiteLog
    private let contest: Contest
    private let number: Int

    init(_ log: SQLiteLog, _ contest: Contest, _ number: Int) {
        self.log = log
        self.contest = contest
        self.number = number
    }

    var isCurrent: Bool { contest.state.look { $0.term == number } }

    func publish(_ records: [(topic: String, record: Record)]) throws(LogFailure) -> [Position] {
        // Asked by the writer's thread within the transaction: nobody begins a term between the question and the commit.
        try log.appendTogether(records) { [contest, number] in contest.state.look { $0.term == number } }
    }
}
