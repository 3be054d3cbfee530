//! The topics of the report: one table each, with how its figures are taken.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    FanOut,
    Paced,
    Sockets,
    Storm,
    Recovery,
    Snapshot,
    Slow,
    Memory,
    Requests,
    WriteAnswer,
    Hooks,
}

pub const ALL: [Topic; 11] = [
    Topic::FanOut,
    Topic::Paced,
    Topic::Sockets,
    Topic::Storm,
    Topic::Recovery,
    Topic::Snapshot,
    Topic::Slow,
    Topic::Memory,
    Topic::Requests,
    Topic::WriteAnswer,
    Topic::Hooks,
];

impl Topic {
    pub fn title(self) -> &'static str {
        match self {
            Topic::FanOut => "Fan-out at full speed",
            Topic::Paced => "Latency at a steady pace",
            Topic::Sockets => "WebSockets",
            Topic::Storm => "Connect storm",
            Topic::Recovery => "Recovery storm",
            Topic::Snapshot => "Snapshot storm",
            Topic::Slow => "Slow readers",
            Topic::Memory => "Memory",
            Topic::Requests => "Requests",
            Topic::WriteAnswer => "Writes while others listen",
            Topic::Hooks => "Hooks",
        }
    }

    /// How the figures are taken.
    pub fn how(self) -> &'static str {
        match self {
            Topic::FanOut => {
                "Four connections create records as fast as they are answered, but no more than eight fan-outs are on \
                 their way to the subscribers. Latency runs from the sending of the write to the kernel's receipt at \
                 each subscriber. With 100 filters a write is for 10 of 1000 subscribers, with 10 owners for 100; else \
                 it is for all, who under the rules that read the user are all the same user. Rows of 5000 run on \
                 fresh servers and tell their peak memory. A custom topic has no records: superusers publish the same data by \
                 REST, and nothing is written to the disk. The raw writer gets the same number of messages, under the \
                 same bound, and writes ready bytes, one system call for each message and socket."
            }
            Topic::Paced => {
                "Writes are due by the clock, 10 000 deliveries in a second however many subscribers there are. Latency \
                 runs from the moment the write was *due* to the kernel's receipt (`SO_TIMESTAMPNS`) at each \
                 subscriber, so a server that falls behind cannot hide it, and half of a fan-out is the least that p50 \
                 can be."
            }
            Topic::Sockets => {
                "The sockets of SnackBase's and CocoBase's protocols, which PocketBase does not have. The load is that \
                 of the fan-outs above; in rooms and channels the members themselves speak. `There and back` is the way \
                 of one message through the room to its own sender, while nobody else speaks."
            }
            Topic::Storm => {
                "All clients connect in the same moment to a fresh server and subscribe as soon as they are greeted, \
                 each with two connections and two requests, as the protocol wants it. Times run from a client's \
                 first packet to the answer that it is subscribed. Then all are dropped, and all come again. A SYN that the \
                 kernel drops because the server's queue of new connections is full costs its client a second."
            }
            Topic::Recovery => {
                "Subscribers note their last event id and go; 100 records are written; then all come back, spread over \
                 two seconds, with `Last-Event-ID`. Each must get all 100, in order, none twice. In the second row more \
                 than 8192 other changes follow the missed ones, so these are in the log's table only. In the third \
                 the clients are SnackBase's WebSockets, whose first message says `since` with the place that one of \
                 them noted. Times run from \
                 a client's first packet to its last missed record. Meanwhile 100 others listen to another collection \
                 at 10 000 deliveries/s: their p99 just before the storm (alone), and their p99 in it over that."
            }
            Topic::Snapshot => {
                "All clients subscribe in the same moment with `snapshot=1` to a collection of 100 records: each gets \
                 the records, then `live`. Times run from a client's first packet to `live`."
            }
            Topic::Slow => {
                "100 subscribers, 80 writes of 5 kB in a second; 20 of them stop reading, with a receive buffer of \
                 4 kB. Latency is that of the other 80 (from when the write was due), beside the same run in which all \
                 read. At the end the slow ones read on, and must get all they missed, in order. Taken once, not in \
                 every round."
            }
            Topic::Memory => {
                "A server is set up and started anew, so its memory has no past. Idle connections are subscribed; the \
                 growth of its resident memory is divided by their number. What the kernel keeps for a socket is not \
                 in it. The largest row (50 000 connections, or as many as the limit of \
                 open files lets one process have) is taken once, over several loopback addresses."
            }
            Topic::Requests => {
                "So many connections, each with one request under way. Times run from its sending to the kernel's receipt \
                 of the answer. PocketBase does not wait for the disk in a \
                 commit and Tidewire does; unsynced, with `TIDEWIRE_SYNC=checkpoint`, both give the same durability. \
                 What the disk takes to append 4 KiB and `fdatasync` it, alone, bounds a synced create with one \
                 connection. A list is a page of 30 with its total, filtered, over 1000 records."
            }
            Topic::WriteAnswer => {
                "Answer times, to the kernel's receipt, of one writer at 50 writes in a second, first with nobody listening \
                 (alone), then with 1000 subscribers."
            }
            Topic::Hooks => {
                "Creates in a closed loop, each with a disk sync. The hook is JavaScript in the server, reads two fields of \
                 the record and returns: after the commit, beside the writes, or inside of each write."
            }
        }
    }
}
