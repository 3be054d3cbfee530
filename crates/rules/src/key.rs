//! A text for a tree, equal exactly for equal trees.

use crate::node::{
    At, Column, Constant, Counter, Join, JoinId, Key, Node, Operand, Part, Path, Source, Target, Test,
};
use crate::scalar::Scalar;
use std::fmt::Write;
use tidewire_model::Collection;

/// Joins are numbered by their place among those that are open, so that their ids do not matter.
struct Writer<'a> {
    out: &'a mut String,
    open: Vec<JoinId>,
}

pub(crate) fn write(node: &Node, collection: Option<&Collection>, out: &mut String) {
    let mut writer = Writer { out, open: Vec::new() };
    if !matches!(node, Node::Const(_)) {
        writer.text(collection.map_or("", |collection| &collection.id));
    }
    writer.node(node);
}

impl Writer<'_> {
    /// Length first, so that no text can look like what follows it.
    fn text(&mut self, text: &str) {
        let _ = write!(self.out, "{}:{text}", text.len());
    }

    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(args);
    }

    fn nodes(&mut self, name: char, nodes: &[Node]) {
        self.put(format_args!("{name}{}(", nodes.len()));
        nodes.iter().for_each(|node| self.node(node));
        self.out.push(')');
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Const(value) => self.put(format_args!("{value};")),
            Node::And(nodes) => self.nodes('A', nodes),
            Node::Or(nodes) => self.nodes('O', nodes),
            Node::Test(test) => self.test(test),
            Node::Any(any) => {
                let before = self.joins('E', &any.joins);
                self.node(&any.body);
                self.open.truncate(before);
                self.out.push(')');
            }
            Node::None(counter) => self.counter(counter),
        }
    }

    fn counter(&mut self, counter: &Counter) {
        let before = self.joins('N', &counter.joins);
        self.test(&counter.test);
        self.open.truncate(before);
        self.out.push(')');
    }

    fn joins(&mut self, name: char, joins: &[Join]) -> usize {
        let before = self.open.len();
        self.put(format_args!("{name}{}(", joins.len()));
        for join in joins {
            self.source(&join.source);
            self.open.push(join.id);
        }
        before
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::One { at, field, .. } => self.column("one", *at, field),
            Source::Each { at, field } => self.column("each", *at, field),
            Source::Items(items) => {
                self.put(format_args!("items{}(", items.len()));
                items.iter().for_each(|item| self.scalar(item));
                self.out.push(')');
            }
            Source::Member { each, .. } => {
                self.out.push_str("member");
                self.at(At::Join(*each));
            }
            Source::Back { key, field, .. } => {
                self.column("back", At::Root, field);
                match key {
                    Key::Row(at) => self.at(*at),
                    Key::Id(id) => self.text(id),
                }
            }
            Source::Ids { ids, .. } => {
                self.put(format_args!("ids{}(", ids.len()));
                ids.iter().for_each(|id| self.text(id));
                self.out.push(')');
            }
            Source::All { alias, .. } => {
                self.out.push_str("all");
                self.text(alias);
            }
        }
        if let Some(Target { collection, tenant }) = source.target() {
            self.text(&collection.id);
            self.text(tenant.as_str());
        }
    }

    fn at(&mut self, at: At) {
        match at {
            At::Root => self.out.push('r'),
            At::Join(id) => {
                let place = self.open.iter().rposition(|open| *open == id).unwrap_or(usize::MAX);
                self.put(format_args!("j{place}."));
            }
        }
    }

    fn column(&mut self, name: &str, at: At, column: &Column) {
        self.out.push_str(name);
        self.at(at);
        let field = column.field();
        self.text(&field.name);
        self.out.push_str(field.kind.type_name());
        self.out.push(if field.kind.is_multiple() { '*' } else { ';' });
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Const(value) => self.put(format_args!("={value};")),
            Test::Compare { order, .. } => self.put(format_args!("={order:?};")),
            Test::Same { negated, .. } => self.put(format_args!("=is{negated};")),
            Test::Empty { negated, .. } => self.put(format_args!("=empty{negated};")),
            Test::Merged { negated, .. } => self.put(format_args!("=merged{negated};")),
            Test::Document { lookup, condition } => {
                self.out.push_str("=doc");
                lookup.write(self.out);
                condition.write(self.out);
            }
            Test::Like { negated, form, .. } => self.put(format_args!("=like{negated}{form:?};")),
        }
        test.operands().into_iter().flatten().for_each(|operand| self.operand(operand));
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Value(Constant { value, affinity, .. }) => {
                self.put(format_args!("{affinity:?}"));
                self.scalar(value);
            }
            Operand::Macro { of, wrapped } => self.put(format_args!("{}{wrapped};", of.name())),
            Operand::Column { at, field } => self.column("col", *at, field),
            Operand::Extract { at, field, path } => {
                self.column("json", *at, field);
                self.path(path);
            }
            Operand::Element(id) => {
                self.out.push_str("elem");
                self.at(At::Join(*id));
            }
            Operand::Length { at, field } => self.column("len", *at, field),
            Operand::Lower(inner) => {
                self.out.push_str("lower");
                self.operand(inner);
            }
            Operand::Tenant => self.out.push_str("tenant;"),
            Operand::Apply(function, arguments) => {
                self.put(format_args!("{function:?}{}(", arguments.len()));
                arguments.iter().for_each(|argument| self.operand(argument));
            }
            Operand::Distance(points) => {
                self.out.push_str("dist");
                points.iter().for_each(|point| self.operand(point));
            }
            Operand::Strftime(arguments) => {
                self.put(format_args!("time{}(", arguments.len()));
                arguments.iter().for_each(|argument| self.operand(argument));
            }
            Operand::Truth(node) => {
                self.out.push_str("truth");
                self.node(node);
            }
        }
    }

    fn path(&mut self, path: &Path) {
        self.put(format_args!("/{}", path.0.len()));
        for part in path.0.iter() {
            match part {
                Part::Key(key) => self.text(key),
                Part::Index(index) => self.put(format_args!("[{index}]")),
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar<'_>) {
        match scalar {
            Scalar::Null => self.out.push_str("null;"),
            Scalar::Int(int) => self.put(format_args!("i{int};")),
            Scalar::Real(real) => self.put(format_args!("f{:x};", real.to_bits())),
            Scalar::Text(text) => self.text(text),
        }
    }
}
