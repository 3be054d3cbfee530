//! What a tree reads: what an answer to it depends on.

use crate::document::{Lookup, System};
use crate::node::{At, Column, Join, Key, Node, Operand, Source, Test};
use crate::residual::Residual;
use std::collections::BTreeSet;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId, Value};

/// What a residual reads besides constants. Its answer is the same for as long as all of that is.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// the definition that `fields` belong to; none if it reads no record
    collection: Option<Arc<Collection>>,
    /// places of the fields of the record in question
    fields: BTreeSet<usize>,
    others: BTreeSet<(TenantId, Box<str>)>,
    clock: bool,
}

impl Reads {
    /// Collections whose records it may look at, by tenant and id.
    pub fn others(&self) -> impl Iterator<Item = (&TenantId, &str)> {
        self.others.iter().map(|(tenant, id)| (tenant, &**id))
    }

    /// True if the same question may have another answer a moment later.
    pub fn clock(&self) -> bool {
        self.clock
    }

    /// Appends what it reads of an image, in bytes that are equal for equal values only. False if the image has another
    /// definition than the residual knows.
    pub fn write_image(&self, image: &Record, out: &mut Vec<u8>) -> bool {
        let aligned = self.collection.as_ref().is_none_or(|known| Arc::ptr_eq(known, &image.collection));
        if aligned {
            write_bytes(image.tenant.as_str().as_bytes(), out);
            self.fields
                .iter()
                .filter_map(|index| image.values.get(*index))
                .for_each(|value| write(value, out));
        }
        aligned
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Const(_) => {}
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Test(test) => self.test(test),
            Node::Any(any) => {
                any.joins.iter().for_each(|join| self.join(join));
                self.node(&any.body);
            }
            Node::None(counter) => {
                counter.joins.iter().for_each(|join| self.join(join));
                self.test(&counter.test);
            }
        }
    }

    fn join(&mut self, join: &Join) {
        match &join.source {
            Source::One { at, field, .. } | Source::Each { at, field } => self.column(*at, field),
            Source::Back { key: Key::Row(At::Root), .. } => self.id(),
            Source::Back { .. } | Source::Items(_) | Source::Member { .. } => {}
            Source::Ids { .. } | Source::All { .. } => {}
        }
        if let Some(target) = join.source.target() {
            self.others.insert((target.tenant.clone(), target.collection.id.clone()));
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Document { lookup, .. } => match &**lookup {
                Lookup::Key { data, system: Some(System::Field(field)), .. } => {
                    self.column(At::Root, data);
                    self.column(At::Root, field);
                }
                Lookup::Key { data: field, .. } | Lookup::Field { field, .. } => self.column(At::Root, field),
                Lookup::Constant(_) => {}
            },
            Test::Compare { .. } | Test::Same { .. } | Test::Empty { .. } => {}
            Test::Merged { .. } | Test::Like { .. } | Test::Const(_) => {}
        }
        test.operands().into_iter().flatten().for_each(|operand| self.operand(operand));
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Column { at, field }
            | Operand::Extract { at, field, .. }
            | Operand::Length { at, field } => self.column(*at, field),
            Operand::Macro { .. } => self.clock = true,
            Operand::Strftime(arguments) => {
                // a time value may be the word now
                self.clock = true;
                arguments.iter().for_each(|argument| self.operand(argument));
            }
            Operand::Lower(inner) => self.operand(inner),
            Operand::Apply(_, arguments) => arguments.iter().for_each(|argument| self.operand(argument)),
            Operand::Distance(points) => points.iter().for_each(|point| self.operand(point)),
            Operand::Truth(node) => self.node(node),
            // the tenant always counts, an element is its join's
            Operand::Value(_) | Operand::Element(_) | Operand::Tenant => {}
        }
    }

    fn column(&mut self, at: At, field: &Column) {
        if at == At::Root {
            self.fields.insert(field.index);
        }
    }

    fn id(&mut self) {
        self.fields.extend(self.collection.as_ref().and_then(|collection| collection.field_index("id")));
    }
}

impl Residual {
    pub fn reads(&self) -> Reads {
        let mut reads = Reads { collection: self.collection().cloned(), ..Reads::default() };
        reads.node(&self.node);
        reads
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'z'),
        Value::Text(text) => {
            out.push(b't');
            write_bytes(text.as_bytes(), out);
        }
        Value::Number(number) => {
            out.push(b'n');
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Value::Bool(value) => out.extend_from_slice(&[b'b', u8::from(*value)]),
        Value::List(items) => {
            out.push(b'l');
            out.extend_from_slice(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| write_bytes(item.as_bytes(), out));
        }
        Value::Geo(point) => {
            out.push(b'g');
            out.extend_from_slice(&point.lon.to_bits().to_le_bytes());
            out.extend_from_slice(&point.lat.to_bits().to_le_bytes());
        }
        Value::Json(value) => {
            out.push(b'j');
            write_bytes(value.to_string().as_bytes(), out);
        }
    }
}

/// Length first, so that no value can look like two.
fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}
