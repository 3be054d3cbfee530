use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use tidewire_terminal::doctor::DoctorArgs;
use tidewire_terminal::{CODES, MaybeConnect, RecordsTask, RoomsArgs, Shell, TokenArgs, WatchArgs};

const ENVIRONMENT: &str = "\
Environment:
  TIDEWIRE_LOG                        what is logged, e.g. debug or tidewire_feed=trace (info)
  TIDEWIRE_SYNC                       commit or checkpoint: when the disk is waited for (commit)
  TIDEWIRE_RATE_LIMIT                 on or off: limit failed sign-ins (on)
  TIDEWIRE_CHECK_IP                   on or off: subscriptions only from the stream's address (on)
  TIDEWIRE_HEARTBEAT                  seconds after which a quiet stream gets a comment (15)
  TIDEWIRE_HEARTBEAT_BOSBASE          the same for the BosBase SDK (5)
  TIDEWIRE_IDLE                       seconds after which a stream without messages ends (300)
  TIDEWIRE_OUTBOX_BYTES               bytes that may wait for one connection (262144)
  TIDEWIRE_SHARDS                     threads that share much work of the feed (one per four cores, 1 to 8)
  TIDEWIRE_SNAPSHOT_RECORDS           records of one snapshot (10000)
  TIDEWIRE_SNAPSHOT_BYTES             bytes of one snapshot (8388608)
  TIDEWIRE_CONNECTIONS                sockets in all (100000)
  TIDEWIRE_CONNECTIONS_PER_ADDRESS    sockets of one address (20000)
  TIDEWIRE_HEADER_TIMEOUT             seconds for a request's head (60)
  TIDEWIRE_WS_PING                    seconds between WebSocket pings, and for each answer (20)
  TIDEWIRE_WS_MESSAGE_BYTES           bytes of one message of a SnackBase client (65536)
  TIDEWIRE_SNACKBASE_HEARTBEAT        seconds between heartbeats (30)
  TIDEWIRE_SNACKBASE_COMMENT          seconds between comments on event streams (15)
  TIDEWIRE_SNACKBASE_EXPIRE           end connections with their token (on)
  TIDEWIRE_SNACKBASE_LEAVE            tell records that leave the view rule as deleted (off)
  TIDEWIRE_SNACKBASE_ACCESS           seconds that an access token holds (3600)
  TIDEWIRE_SNACKBASE_REFRESH          seconds that a refresh token holds (604800)
  TIDEWIRE_COCOBASE_AUTH_TIMEOUT      seconds that a CocoBase socket may take to say who it is (10)
  TIDEWIRE_COCOBASE_FRAME_BYTES       bytes of one frame from a CocoBase client (1048576)
  TIDEWIRE_COCOBASE_MESSAGE_BYTES     bytes of what one message says (1048576)
  TIDEWIRE_COCOBASE_NAME_BYTES        bytes of user ids, user names and room titles (256)
  TIDEWIRE_COCOBASE_MESSAGE_RATE      messages of one socket in a second, 0: no limit (0)
  TIDEWIRE_COCOBASE_SOCKETS           open sockets of one project, 0: no limit (0)
  TIDEWIRE_COCOBASE_REFUSALS          refusals of one address in a minute before they come late (120)
  TIDEWIRE_ROOMS                      rooms of one project (10000)
  TIDEWIRE_ROOM_MEMBERS               sockets in one room (10000)
  TIDEWIRE_ROOMS_PER_PROJECT          on or off: each project has room ids of its own (off)
  TIDEWIRE_ROOM_GRACE                 seconds that an empty room can still be joined (0)
  TIDEWIRE_ROOM_HISTORY               messages that a room keeps for members that come back (0)
  TIDEWIRE_ROOM_HISTORY_AGE           seconds that it keeps them (60)
  TIDEWIRE_ROOM_HISTORY_BYTES         bytes of them (1048576)
  TIDEWIRE_HOOK_TIME                  seconds of one call of a hook (2)
  TIDEWIRE_HOOKS_AT_ONCE              hooks of connections, rooms and sign-ins that run at once (64)
  TIDEWIRE_HOOKS_WAITING              farewells and sign-ins that wait to be told to hooks (65536)
  TIDEWIRE_SCRIPT_RUNTIMES            runtimes of hooks in JavaScript, besides one for writes (one per core)
  TIDEWIRE_SCRIPT_INSTRUCTIONS        jumps and calls of functions in one call of a hook (1000000000)
  TIDEWIRE_SCRIPT_MEMORY              bytes of each of them (67108864)
  TIDEWIRE_SCRIPT_STACK               bytes of its stack (524288)
  TIDEWIRE_SCRIPT_LOAD                seconds to read all files (5)
  TIDEWIRE_SCRIPT_ANSWER_BYTES        bytes of one answer of a hook (1048576)
  TIDEWIRE_SCRIPT_QUEUE               calls that wait for a runtime (1024)
  TIDEWIRE_PRIVATE_ADDRESSES          on or off: scripts and hooks over HTTP may reach private addresses (off)
  TIDEWIRE_CA_FILE                    certificates in PEM that outgoing requests trust besides those of browsers (none)
  TIDEWIRE_HOOK_TRIES                 calls of an after-hook that fails (5)
  TIDEWIRE_HOOK_PAUSE                 seconds before the second call, three times as many each further time (1)
  TIDEWIRE_GRACE                      seconds that streams and requests get to end (10)";

/// What was typed; `Config` is what was meant.
#[derive(Debug, Parser)]
#[command(
    name = "tidewire",
    version,
    about = "Realtime backend in one binary: records, rules, subscriptions",
    after_help = CODES
)]
pub struct Cli {
    /// Data folder; made if it is missing
    #[arg(long, global = true, default_value = "tw_data", env = "TIDEWIRE_DIR")]
    pub dir: PathBuf,
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Runs the server
    #[command(after_help = ENVIRONMENT)]
    Serve(ServeArgs),
    /// Manages superusers, also while the server runs
    #[command(subcommand)]
    Superuser(SuperuserTask),
    /// Manages accounts, also while the server runs
    #[command(subcommand)]
    Account(AccountTask),
    /// Manages the API keys of accounts, also while the server runs
    #[command(subcommand)]
    Key(KeyTask),
    /// Sends a message to everyone subscribed to a custom topic of the running server
    ///
    /// Through the data folder, or over HTTP if --url or TIDEWIRE_URL names a server.
    #[command(after_help = CODES)]
    Publish {
        /// A custom topic, e.g. jobs/finished
        topic: String,
        /// Any JSON value
        json: String,
        /// Id, slug or code of the account whose clients hear it
        #[arg(long, conflicts_with = "url")]
        account: Option<String>,
        #[command(flatten)]
        connect: MaybeConnect,
    },
    /// Shows what happens to records, or is said on a topic, and loses nothing when the connection drops
    Watch(WatchArgs),
    /// Reads and writes records of a server: tables, JSON, CSV
    #[command(subcommand)]
    Records(RecordsTask),
    /// Says who is in which room of the server that runs on the data folder
    Rooms(RoomsArgs),
    /// Makes a token by signing in, or for a superuser of the data folder
    Token(TokenArgs),
    /// Looks for what would keep a server from running well: limits, data folder, port, hooks, clock, proxy
    Doctor(DoctorArgs),
    /// Prints the completions of a shell
    #[command(after_help = "Example:\n  tidewire completions bash > /etc/bash_completion.d/tidewire")]
    Completions { shell: Shell },
    /// Prints the manual page, or writes those of all commands into a folder
    Man { folder: Option<PathBuf> },
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8090", env = "TIDEWIRE_HTTP")]
    pub http: String,
    /// Origins that browsers may call from, separated by commas
    #[arg(long, default_value = "*", value_delimiter = ',', env = "TIDEWIRE_ORIGINS")]
    pub origins: Vec<String>,
    /// Folder of hooks in JavaScript [default: hooks in the data folder]
    #[arg(long, env = "TIDEWIRE_HOOKS_DIR")]
    pub hooks_dir: Option<PathBuf>,
    /// Keeps a small collection "demo" in motion, to be watched on the first page
    #[arg(long)]
    pub demo: bool,
}

#[derive(Debug, Subcommand)]
pub enum SuperuserTask {
    /// Creates a superuser or sets the password of an old one
    Upsert { email: String, password: String },
    /// Creates a superuser; an error if there is one
    Create { email: String, password: String },
    /// Deletes a superuser
    Delete { email: String },
}

#[derive(Debug, Subcommand)]
pub enum AccountTask {
    /// Creates an account (a tenant) and prints it as one line of JSON
    Create {
        /// Lower-case name in URLs and headers
        slug: String,
        #[arg(long)]
        name: String,
        /// Key to accept from its clients; a random one is made if none is given
        #[arg(long)]
        api_key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyTask {
    /// Makes a key and prints it, for the only time, in one line of JSON
    Create {
        /// Id, slug or code
        account: String,
        /// Only good for watching and speaking, so that it may be shipped in apps
        #[arg(long)]
        publishable: bool,
        /// Only good for these collections, by name or id, separated by commas
        #[arg(long, value_delimiter = ',')]
        collections: Vec<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
        /// The key itself; a random one is made if none is given
        #[arg(long)]
        key: Option<String>,
    },
    /// Prints the keys of an account, one line of JSON each, without the keys themselves
    List { account: String },
    /// Ends a key at once
    Revoke {
        /// As `list` prints it
        id: String,
    },
}
