//! The house has floors, and no stairs that go round: which file takes what from which, with re-exports followed to where the
//! thing is defined. Tests may look anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// From below. A room takes from floors below its own, and from rooms beside it as long as that makes no circle.
const FLOORS: [&[&str]; 10] = [
    &["fact", "text", "yaml"],
    &["profile"],
    &["cause", "behaviour"],
    &["check", "read", "attempt", "explain"],
    &["gather"],
    &["node"],
    &["publish", "fleet", "admission", "pod", "tune"],
    &["report", "render", "build", "api"],
    &["agent"],
    &["cli", "fuzzing"],
];

/// Rooms whose files must not take from each other in a circle: the pure ones, and some more.
const ROOMS: [&str; 17] = [
    "fact",
    "yaml",
    "profile",
    "cause",
    "behaviour",
    "check",
    "explain",
    "read",
    "node",
    "publish",
    "fleet",
    "admission",
    "pod",
    "report",
    "render",
    "build",
    "api",
];

/// Of these, the rooms that still go round. Whoever mends one strikes it out here: the test asks for that.
const NOT_YET: [&str; 0] = [];

/// A module: one file.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// What is defined here.
    items: BTreeSet<String>,
    /// What is imported here, re-exports too, with the path as it is written.
    aliases: BTreeMap<String, Vec<String>>,
    /// All paths that are used here but do not only pass something on.
    paths: BTreeSet<Vec<String>>,
}

type House = BTreeMap<Vec<String>, Module>;

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attr| attr.path().is_ident("cfg") && attr.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"))
}

impl Module {
    fn of(source: &str) -> Self {
        let mut module = Module::default();
        for item in syn::parse_file(source).expect("Rust").items {
            module.item(&item);
        }
        module
    }

    fn item(&mut self, item: &syn::Item) {
        let name = match item {
            syn::Item::Mod(item) if is_for_tests(&item.attrs) => return,
            syn::Item::Mod(item) => {
                assert!(item.content.is_none(), "a module in a file: {}", item.ident);
                self.children.insert(item.ident.to_string());
                return;
            }
            syn::Item::Use(item) if is_for_tests(&item.attrs) => return,
            syn::Item::Use(item) => {
                let passes_on = !matches!(item.vis, syn::Visibility::Inherited);
                return self.import(&item.tree, &mut Vec::new(), passes_on);
            }
            syn::Item::Fn(item) if is_for_tests(&item.attrs) => return,
            syn::Item::Fn(item) => Some(&item.sig.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            syn::Item::Const(item) => Some(&item.ident),
            syn::Item::Static(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            _ => None,
        };
        self.items.extend(name.map(ToString::to_string));
        self.visit_item(item);
    }

    fn import(&mut self, tree: &syn::UseTree, before: &mut Vec<String>, passes_on: bool) {
        let mut leaf = |name: String, alias: String| {
            // `use a::{self}` is `use a`.
            let path: Vec<_> = before.iter().cloned().chain(Some(name).filter(|name| name != "self")).collect();
            let alias = if alias == "self" { path.last().cloned().unwrap_or_default() } else { alias };
            if !passes_on {
                self.paths.insert(path.clone());
            }
            self.aliases.insert(alias, path);
        };
        match tree {
            syn::UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
            syn::UseTree::Rename(rename) => leaf(rename.ident.to_string(), rename.rename.to_string()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.import(item, before, passes_on)),
            syn::UseTree::Glob(_) => panic!("{}::* can't be followed", before.join("::")),
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before, passes_on);
                before.pop();
            }
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &mut Vec::new(), false);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.paths.insert(segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        // The arguments of most macros are expressions.
        let list = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = item.parse_body_with(list) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

/// Reads a module and all below it.
fn read(file: &Path, path: Vec<String>, house: &mut House) {
    let module = Module::of(&fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib") => file.with_file_name(""),
        _ => file.with_extension(""),
    };
    for child in &module.children {
        let files = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
        let file = files.into_iter().find(|file| file.exists()).unwrap_or_else(|| panic!("{child} in {}", folder.display()));
        read(&file, [path.clone(), vec![child.clone()]].concat(), house);
    }
    house.insert(path, module);
}

/// Where what a path means is defined, where that is in this house.
fn defined(house: &House, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
    assert!(depth < 20, "{from:?} {path:?} leads nowhere");
    let mut at = from.to_vec();
    let mut rest = path;
    let mut is_first = true;
    while let Some((name, after)) = rest.split_first() {
        match name.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            name => {
                let module = &house[&at];
                let is_module = module.children.contains(name);
                if is_module && (!after.is_empty() || !module.aliases.contains_key(name)) {
                    at.push(name.to_owned());
                } else if module.items.contains(name) {
                    return Some(at);
                } else if let Some(alias) = module.aliases.get(name).filter(|alias| *alias != path) {
                    // What an import begins with is no import itself: a crate, or a module.
                    let whole = [alias.as_slice(), after].concat();
                    return defined(house, &at, &whole, depth + 1);
                } else {
                    return (!is_first).then_some(at);
                }
            }
        }
        (is_first, rest) = (false, after);
    }
    // A module itself: what is taken from it is seen where it is named.
    None
}

fn house() -> (House, BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) {
    let mut house = House::new();
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    read(&root.join("lib.rs"), Vec::new(), &mut house);
    let graph = edges(&house);
    (house, graph)
}

fn edges(house: &House) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let of = |from: &Vec<String>, module: &Module| {
        let to = module.paths.iter().filter_map(|path| defined(house, from, path, 0));
        to.filter(|to| to != from && !to.is_empty()).collect()
    };
    house.iter().map(|(from, module)| (from.clone(), of(from, module))).collect()
}

/// Some circle in a graph, if there is one.
fn circle<T: Ord + Clone>(graph: &BTreeMap<T, BTreeSet<T>>) -> Option<Vec<T>> {
    fn walk<T: Ord + Clone>(at: &T, graph: &BTreeMap<T, BTreeSet<T>>, way: &mut Vec<T>, done: &mut BTreeSet<T>) -> Option<Vec<T>> {
        if let Some(begin) = way.iter().position(|before| before == at) {
            return Some(way[begin..].to_vec());
        }
        if !done.insert(at.clone()) {
            return None;
        }
        way.push(at.clone());
        let found = graph.get(at).into_iter().flatten().find_map(|next| walk(next, graph, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| walk(start, graph, &mut Vec::new(), &mut done))
}

fn names(way: &[Vec<String>]) -> String {
    way.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> ")
}

#[test]
fn files_of_a_room_take_from_each_other_in_one_direction() {
    let (_, graph) = house();
    for room in ROOMS {
        let is_in = |module: &Vec<String>| module.first().is_some_and(|first| first == room);
        let inside = graph.iter().filter(|(from, _)| is_in(from));
        let inside: BTreeMap<_, _> =
            inside.map(|(from, to)| (from.clone(), to.iter().filter(|to| is_in(to)).cloned().collect::<BTreeSet<_>>())).collect();
        assert!(!inside.is_empty(), "there is {room}");
        match circle(&inside) {
            Some(found) => assert!(NOT_YET.contains(&room), "{room} goes round: {}", names(&found)),
            None => assert!(!NOT_YET.contains(&room), "{room} goes round no more: strike it out of NOT_YET"),
        }
    }
}

#[test]
fn rooms_stand_on_the_floors_below_them() {
    let (house, graph) = house();
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("{room} has no floor"));
    assert!(house[&Vec::new()].children.iter().all(|room| floor(room) < FLOORS.len()));
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in graph.iter().filter(|(from, _)| !from.is_empty()) {
        for to in to.iter().filter(|to| to[0] != from[0]) {
            assert!(floor(&from[0]) >= floor(&to[0]), "{} takes from {}, which is above", from.join("::"), to.join("::"));
            rooms.entry(from[0].clone()).or_default().insert(to[0].clone());
        }
    }
    if let Some(found) = circle(&rooms) {
        panic!("rooms go round: {}", found.join(" -> "));
    }
    assert!(rooms["cli"].len() > 8 && rooms["publish"].contains("check"), "{rooms:?}");
}

#[test]
fn a_circle_is_found_through_re_exports() {
    let house: House = [
        (vec![], "mod a;"),
        (vec!["a"], "mod b; mod c; pub use b::B; pub use c::run as go;"),
        (vec!["a", "b"], "use super::go; pub struct B;"),
        (
            vec!["a", "c"],
            "use crate::a; pub fn run() -> String { format!(\"{}\", f(a::B::new())) } #[cfg(test)] mod tests { use super::*; }",
        ),
    ]
    .into_iter()
    .map(|(path, source): (Vec<&str>, _)| (path.into_iter().map(str::to_owned).collect(), Module::of(source)))
    .collect();
    assert_eq!(circle(&edges(&house)).map(|way| names(&way)).as_deref(), Some("a::b -> a::c"));
}
