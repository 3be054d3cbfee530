use crate::sources::Sources;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result};
use std::sync::Arc;

/// Gives the files of the folder to `import`, and nothing else.
#[derive(Clone)]
pub struct Modules(pub Arc<Sources>);

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let fault = |text: &str| Error::new_resolving_message(base, name, text);
        if attributes.is_some_and(|attributes| attributes.get_type().is_ok_and(|kind| kind.is_some())) {
            return Err(fault("only JavaScript can be imported"));
        }
        let path = join(base, name)
            .ok_or_else(|| fault("only files of the hooks folder can be imported, as \"./name.js\""))?;
        match self.0.get(&path) {
            Some(_) => Ok(path),
            None => Err(fault("there is no such file in the hooks folder")),
        }
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let text = self.0.get(name).ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, text)
    }
}

/// None if it leaves the folder.
fn join(base: &str, name: &str) -> Option<String> {
    if !name.starts_with("./") && !name.starts_with("../") {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn imports_stay_in_the_folder() {
        for (base, name, path) in [
            ("a.js", "./b.js", Some("b.js")),
            ("a.js", "./lib/b.js", Some("lib/b.js")),
            ("lib/a.js", "../b.js", Some("b.js")),
            ("lib/a.js", "./../lib/./b.js", Some("lib/b.js")),
            ("a.js", "../b.js", None),
            ("lib/a.js", "../../b.js", None),
            ("a.js", "b.js", None),
            ("a.js", "/etc/passwd", None),
            ("a.js", "fs", None),
        ] {
            assert_eq!(join(base, name).as_deref(), path, "{base} {name}");
        }
    }
}
