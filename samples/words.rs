//! The C ABI from Rust, without a crate: how far two words are apart.
//!
//!     rustc --edition 2021 --crate-type cdylib -O words.rs -o words.so
use std::ffi::{c_char, c_int, c_void};
use std::panic::catch_unwind;

// ---- flame/plugin.h, as far as this plugin needs it ----

#[repr(C)]
struct Value {
    kind: u32,
    reserved: u32,
    count: u64,
    text: *const u8, // the union; here all are strings
}
#[repr(C)]
struct Call {
    host: *const Host,
}
#[repr(C)]
struct Host {
    struct_size: u32,
    abi: u32,
    extension: *const c_void,
    arguments: unsafe extern "C" fn(*mut Call, *mut u32) -> *const Value,
    result_null: *const c_void,
    result_bool: *const c_void,
    result_i64: *const c_void,
    result_u64: unsafe extern "C" fn(*mut Call, u64) -> c_int,
    result_f64: *const c_void,
    result_string: *const c_void,
    result_bytes: *const c_void,
    result_json: *const c_void,
    begin_array: *const c_void,
    end_array: *const c_void,
    begin_record: *const c_void,
    result_key: *const c_void,
    end_record: *const c_void,
    fail: unsafe extern "C" fn(*mut Call, i32, *const c_char, *const c_char, u64) -> c_int,
}
#[repr(C)]
pub struct Function {
    name: *const c_char,
    signature: *const c_char,
    doc: *const c_char,
    flags: *const c_char,
    guest: *const c_char,
    invoke: unsafe extern "C" fn(*mut Call) -> c_int,
}
#[repr(C)]
pub struct Plugin {
    struct_size: u32,
    abi_needed: u32,
    function_size: u32,
    function_count: u32,
    name: *const c_char,
    version: *const c_char,
    functions: *const Function,
    init: *const c_void,
    shutdown: *const c_void,
}
/// A C string.
macro_rules! c { ($text:expr) => { concat!($text, "\0").as_ptr() as *const c_char } }

struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

// ---- The function ----

fn distance(a: &str, b: &str) -> u64 {
    let mut row: Vec<u64> = (0..=b.chars().count() as u64).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as u64 + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + u64::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

unsafe extern "C" fn invoke(call: *mut Call) -> c_int {
    let host = &*(*call).host;
    let mut count = 0;
    let values = (host.arguments)(call, &mut count);
    let text = |i: usize| {
        let value = &*values.add(i);
        // The host has checked that it is UTF-8.
        std::str::from_utf8_unchecked(std::slice::from_raw_parts(value.text, value.count as usize))
    };
    // A panic may not cross the border.
    match catch_unwind(|| distance(text(0), text(1))) {
        Ok(result) => (host.result_u64)(call, result),
        Err(_) => {
            let message = "distance panicked";
            (host.fail)(call, 1, c!("panic"), message.as_ptr().cast(), message.len() as u64);
            1
        }
    }
}

// ---- The table, and the same facts as JSON for flame to read ----

macro_rules! signature { () => { "(a: string, b: string) -> u64" } }
macro_rules! doc { () => { "How many letters must change to turn a into b." } }

const JSON: &str = concat!(
    r#"{"flame_manifest":1,"abi_needed":1,"name":"words","version":"1.0","functions":["#,
    r#"{"name":"distance","signature":""#, signature!(), r#"","doc":""#, doc!(),
    r#"","flags":"idempotent","guest":""}]}"#
);
const fn array<const N: usize>(text: &str) -> [u8; N] {
    let (mut out, mut i) = ([0; N], 0);
    while i < N {
        out[i] = text.as_bytes()[i];
        i += 1;
    }
    out
}
#[link_section = ".flame.manifest"]
#[used]
static MANIFEST: [u8; JSON.len()] = array(JSON);

static FUNCTIONS: Shared<[Function; 1]> = Shared([Function {
    name: c!("distance"),
    signature: c!(signature!()),
    doc: c!(doc!()),
    flags: c!("idempotent"),
    guest: c!(""),
    invoke,
}]);
static PLUGIN: Shared<Plugin> = Shared(Plugin {
    struct_size: std::mem::size_of::<Plugin>() as u32,
    abi_needed: 1,
    function_size: std::mem::size_of::<Function>() as u32,
    function_count: 1,
    name: c!("words"),
    version: c!("1.0"),
    functions: &FUNCTIONS.0 as *const Function,
    init: std::ptr::null(),
    shutdown: std::ptr::null(),
});

#[no_mangle]
pub extern "C" fn flame_plugin_v1(_host: *const c_void) -> *const Plugin {
    std::hint::black_box(MANIFEST.as_ptr()); // looked at here, so that the linker keeps it
    &PLUGIN.0
}
