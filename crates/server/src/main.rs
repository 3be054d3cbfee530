use clap::{CommandFactory as _, Parser as _};
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tidewire_server::cli::{AccountTask, Cli, KeyTask, SuperuserTask, Task};
use tidewire_server::command::{self, Command};
use tidewire_server::config::{self, Config};
use tidewire_server::{control, doctor, publish, serve, surroundings};
use tidewire_store::{Store, StoreError};
use tidewire_terminal::{self as terminal, Failure, Output, RoomsArgs, RoomsTask, TokenArgs};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.task, &cli.dir) {
        // whoever read the output has had enough
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tidewire: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(task: Task, dir: &Path) -> Result<(), Failure> {
    match task {
        Task::Serve(args) => Config::read(&args, dir).and_then(run_server).map_err(failed),
        Task::Watch(args) => client(terminal::run(terminal::Task::Watch(args), surroundings::read())),
        Task::Records(task) => client(terminal::run(terminal::Task::Records(task), surroundings::read())),
        Task::Token(args) => match &args.superuser {
            Some(email) => superuser_token(dir, email, &args),
            None => client(terminal::run(terminal::Task::Token(args), surroundings::read())),
        },
        Task::Rooms(args) => rooms(dir, args),
        Task::Doctor(args) => client(doctor::run(dir, args, Output::new(surroundings::read()))),
        Task::Completions { shell } => terminal::completions(Cli::command(), shell, surroundings::read()),
        Task::Man { folder } => terminal::man(Cli::command(), folder.as_deref(), surroundings::read()),
        Task::Publish { topic, json, account, connect } => {
            let data = serde_json::from_str(&json)
                .map_err(|error| Failure::Failed(format!("the message is no JSON: {error}")))?;
            match connect.told() {
                Some(connect) => client(terminal::publish(&connect, &topic, &data, surroundings::read())),
                None => print(dir, &Command::Publish { topic, data, account }),
            }
        }
        Task::Superuser(task) => print(dir, &superuser(task)),
        Task::Account(AccountTask::Create { slug, name, api_key }) => {
            print(dir, &Command::AccountCreate { slug, name, api_key })
        }
        Task::Key(task) => print(dir, &key(task)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn failed(error: anyhow::Error) -> Failure {
    Failure::Failed(format!("{error:#}"))
}

/// Runs what only speaks to servers.
fn client(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let done = runtime.block_on(command);
    // what still reads stdin must not keep the process
    runtime.shutdown_background();
    done
}

fn run_server(config: Config) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(config::log_filter())?;
    let colors = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colors).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve::run(config));
    // a handler that hangs must not keep the process
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

fn superuser(task: SuperuserTask) -> Command {
    match task {
        SuperuserTask::Upsert { email, password } => Command::SuperuserUpsert { email, password },
        SuperuserTask::Create { email, password } => Command::SuperuserCreate { email, password },
        SuperuserTask::Delete { email } => Command::SuperuserDelete { email },
    }
}

fn key(task: KeyTask) -> Command {
    match task {
        KeyTask::Create { account, publishable, collections, label, key } => {
            Command::KeyCreate { account, publishable, collections, label, key }
        }
        KeyTask::List { account } => Command::KeyList { account },
        KeyTask::Revoke { id } => Command::KeyRevoke { id },
    }
}

fn superuser_token(dir: &Path, email: &str, args: &TokenArgs) -> Result<(), Failure> {
    let command = Command::SuperuserToken { email: email.to_owned(), seconds: args.seconds };
    let token = carry_out(dir, &command)?;
    terminal::print_token(&token, args.json, &mut Output::new(surroundings::read()))
}

fn rooms(dir: &Path, args: RoomsArgs) -> Result<(), Failure> {
    let account = match args.task {
        None => args.list.account,
        Some(RoomsTask::List(list)) => list.account.or(args.list.account),
        Some(_) if args.list.account.is_some() => {
            return Err(Failure::Usage("--account is for lists of rooms".to_owned()));
        }
        Some(task) => return client(terminal::talk(task, args.json, surroundings::read())),
    };
    let told = carry_out(dir, &Command::Rooms { account })?;
    terminal::show_rooms(&told, args.json, &mut Output::new(surroundings::read()))
}

fn print(dir: &Path, command: &Command) -> Result<(), Failure> {
    let text = carry_out(dir, command)?;
    Output::new(surroundings::read()).line(&text)
}

/// Through the running server if there is one, else on the store itself.
fn carry_out(dir: &Path, command: &Command) -> Result<String, Failure> {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(outcome) = control::ask(dir, command)? {
            return outcome.map_err(Failure::Failed);
        }
        if let Some(reason) = without_server(dir, command) {
            return Err(Failure::Failed(reason));
        }
        match open(dir) {
            Ok(store) => return run_alone(&store, command).map_err(Failure::Failed),
            // a server that has not opened its socket yet, or one that is just stopping
            Err(StoreError::Locked) if Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(Failure::Failed(error.to_string())),
        }
    }
}

/// Why a command that only asks makes no folder.
fn without_server(dir: &Path, command: &Command) -> Option<String> {
    if dir.join("data.db").exists() {
        return None;
    }
    match command {
        Command::Publish { .. } => Some(command::NO_SERVER.to_owned()),
        Command::Rooms { .. } => Some(command::NO_ROOMS.to_owned()),
        Command::SuperuserToken { .. } => Some(format!("there is no data folder {}", dir.display())),
        _ => None,
    }
}

fn run_alone(store: &Store, command: &Command) -> command::Outcome {
    match command {
        Command::Publish { topic, data, account } => {
            publish::run_alone(store, account.as_deref(), topic, data)
        }
        command => command::run(store, command),
    }
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    let store = Store::open(dir, tidewire_store::Options::default(), Box::new(|_| {}))?;
    tidewire_records::bootstrap::bootstrap(&store)?;
    Ok(store)
}
