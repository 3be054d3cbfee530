use crate::fetch::Fetch;
use crate::talk::{Line, ToCaller, ToRuntime};
use rquickjs::{Function, Persistent};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// What the functions of one runtime share; it stays on the runtime's thread.
pub struct Stage {
    /// when the call that runs now is interrupted
    pub deadline: Cell<Instant>,
    /// steps of instructions that it may still take
    pub steps: Cell<u64>,
    /// calls under way, the innermost last
    pub talks: RefCell<Vec<Rc<Line<ToCaller, ToRuntime>>>>,
    /// a promise was rejected that nobody listens to, or listens to only since
    pub stray: Cell<bool>,
    /// a nested call has hit a limit
    pub spoilt: Cell<bool>,
    /// lines that the outermost call has logged
    pub lines: Cell<u32>,
    /// while files are read anew that another runtime has read already
    pub quiet: Cell<bool>,
    pub fetch: Fetch,
    functions: RefCell<Option<Functions>>,
}

/// Of the prelude.
#[derive(Clone)]
pub struct Functions {
    pub dispatch: Persistent<Function<'static>>,
    pub describe: Persistent<Function<'static>>,
    pub rejected: Persistent<Function<'static>>,
    pub unhandled: Persistent<Function<'static>>,
}

impl Stage {
    pub fn new(fetch: Fetch, deadline: Instant, steps: u64, quiet: bool) -> Rc<Self> {
        Rc::new(Self {
            deadline: Cell::new(deadline),
            steps: Cell::new(steps),
            talks: RefCell::default(),
            stray: Cell::default(),
            spoilt: Cell::default(),
            lines: Cell::default(),
            quiet: Cell::new(quiet),
            fetch,
            functions: RefCell::default(),
        })
    }

    /// Another step of instructions is done. True if the call has hit a limit.
    pub fn step(&self) -> bool {
        self.steps.set(self.steps.get().saturating_sub(1));
        self.over()
    }

    /// Whether the call that runs now has hit a limit.
    pub fn over(&self) -> bool {
        self.spent() || self.late()
    }

    pub fn spent(&self) -> bool {
        self.steps.get() == 0
    }

    pub fn late(&self) -> bool {
        Instant::now() >= self.deadline.get()
    }

    pub fn set_functions(&self, functions: Functions) {
        *self.functions.borrow_mut() = Some(functions);
    }

    /// None before the prelude has run, and when the runtime ends: nothing of it may be held then.
    pub fn function(
        &self,
        choose: impl Fn(&Functions) -> &Persistent<Function<'static>>,
    ) -> Option<Persistent<Function<'static>>> {
        self.functions.borrow().as_ref().map(|functions| choose(functions).clone())
    }

    pub fn let_go(&self) {
        self.functions.borrow_mut().take();
    }
}
