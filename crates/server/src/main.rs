use clap::Parser as _;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tidewire_server::cli::{AccountTask, Cli, KeyTask, SuperuserTask, Task};
use tidewire_server::command::{self, Command};
use tidewire_server::config::{self, Config};
use tidewire_server::{control, serve};
use tidewire_store::{Store, StoreError};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.task {
        Task::Serve(args) => Config::read(&args, &cli.dir).and_then(run_server),
        task => command_of(task).and_then(|command| run_command(&cli.dir, &command)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidewire: {error:#}");
            ExitCode::FAILURE
        }
    }
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

fn command_of(task: Task) -> anyhow::Result<Command> {
    Ok(match task {
        Task::Superuser(SuperuserTask::Upsert { email, password }) => {
            Command::SuperuserUpsert { email, password }
        }
        Task::Superuser(SuperuserTask::Create { email, password }) => {
            Command::SuperuserCreate { email, password }
        }
        Task::Superuser(SuperuserTask::Delete { email }) => Command::SuperuserDelete { email },
        Task::Account(AccountTask::Create { slug, name, api_key }) => {
            Command::AccountCreate { slug, name, api_key }
        }
        Task::Key(KeyTask::Create { account, publishable, collections, label, key }) => {
            Command::KeyCreate { account, publishable, collections, label, key }
        }
        Task::Key(KeyTask::List { account }) => Command::KeyList { account },
        Task::Key(KeyTask::Revoke { id }) => Command::KeyRevoke { id },
        Task::Publish { topic, json } => {
            let data = serde_json::from_str(&json)
                .map_err(|error| anyhow::anyhow!("the message is no JSON: {error}"))?;
            Command::Publish { topic, data }
        }
        Task::Serve(_) => anyhow::bail!("serving is no command"),
    })
}

/// Through the running server if there is one, else on the store itself.
fn run_command(dir: &Path, command: &Command) -> anyhow::Result<()> {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(outcome) = control::ask(dir, command)? {
            return report(outcome);
        }
        if matches!(command, Command::Publish { .. }) && !dir.join(control::FILE).exists() {
            return report(Err(command::NO_SERVER.to_owned()));
        }
        match open(dir) {
            Ok(store) => return report(command::run(&store, command)),
            // a server that has not opened its socket yet, or one that is just stopping
            Err(StoreError::Locked) if Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    let store = Store::open(dir, tidewire_store::Options::default(), Box::new(|_| {}))?;
    tidewire_records::bootstrap::bootstrap(&store)?;
    Ok(store)
}

fn report(outcome: command::Outcome) -> anyhow::Result<()> {
    match outcome {
        Ok(text) => {
            println!("{text}");
            Ok(())
        }
        Err(text) => Err(anyhow::anyhow!(text)),
    }
}
