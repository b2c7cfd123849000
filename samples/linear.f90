! The C ABI from Fortran: the dot product of two arrays. Its manifest is left out: flame then learns what the
! plugin has from the runner.
!
!     gfortran -O2 -fPIC -shared linear.f90 -o linear.so
module linear
  use, intrinsic :: iso_c_binding
  implicit none
  private

  ! flame/plugin.h, as far as this plugin needs it.
  type, bind(c) :: flame_value
    integer(c_int32_t) :: kind, reserved
    integer(c_int64_t) :: count
    type(c_ptr) :: as
  end type
  type, bind(c) :: flame_call
    type(c_ptr) :: host
  end type
  type, bind(c) :: flame_host
    integer(c_int32_t) :: struct_size, abi
    type(c_funptr) :: extension, arguments
    type(c_funptr) :: result_null, result_bool, result_i64, result_u64, result_f64
    type(c_funptr) :: result_string, result_bytes, result_json
    type(c_funptr) :: begin_array, end_array, begin_record, result_key, end_record
    type(c_funptr) :: fail
  end type
  type, bind(c) :: flame_function
    type(c_ptr) :: name, signature, doc, flags, guest
    type(c_funptr) :: invoke
  end type
  type, bind(c) :: flame_plugin
    integer(c_int32_t) :: struct_size, abi_needed, function_size, function_count
    type(c_ptr) :: name, version, functions
    type(c_funptr) :: init, shutdown
  end type
  abstract interface
    type(c_ptr) function arguments_of(call, count) bind(c)
      import
      type(flame_call) :: call
      integer(c_int32_t) :: count
    end function
    integer(c_int) function write_f64(call, number) bind(c)
      import
      type(flame_call) :: call
      real(c_double), value :: number
    end function
    integer(c_int) function report(call, code, type, message, size) bind(c)
      import
      type(flame_call) :: call
      integer(c_int32_t), value :: code
      type(c_ptr), value :: type
      character(kind=c_char) :: message(*)
      integer(c_int64_t), value :: size
    end function
  end interface

  character(len=4), target :: dot_name = 'dot' // c_null_char
  character(len=30), target :: dot_signature = '(x: [f64], y: [f64]) -> f64' // c_null_char
  character(len=40), target :: dot_doc = 'Dot product of x and y.' // c_null_char
  character(len=11), target :: dot_flags = 'idempotent' // c_null_char
  character(len=1), target :: nothing = c_null_char
  character(len=7), target :: plugin_name = 'linear' // c_null_char
  character(len=4), target :: plugin_version = '1.0' // c_null_char
  type(flame_function), target :: functions(1)
  type(flame_plugin), target :: plugin

contains

  integer(c_int) function dot(call) bind(c)
    type(flame_call) :: call
    type(flame_host), pointer :: host
    type(flame_value), pointer :: values(:)
    procedure(arguments_of), pointer :: arguments
    procedure(write_f64), pointer :: result_f64
    procedure(report), pointer :: fail
    real(c_double), pointer :: x(:), y(:)
    integer(c_int32_t) :: count
    character(len=*), parameter :: unequal = 'x and y differ in length'

    call c_f_pointer(call%host, host)
    call c_f_procpointer(host%arguments, arguments)
    call c_f_procpointer(host%result_f64, result_f64)
    call c_f_procpointer(host%fail, fail)
    call c_f_pointer(arguments(call, count), values, [2])
    if (values(1)%count /= values(2)%count) then
      dot = fail(call, 1, c_null_ptr, unequal, len(unequal, c_int64_t))
      dot = 1
      return
    end if
    call c_f_pointer(values(1)%as, x, [values(1)%count])
    call c_f_pointer(values(2)%as, y, [values(2)%count])
    dot = result_f64(call, dot_product(x, y))
  end function

  type(c_ptr) function flame_plugin_v1(host) bind(c)
    type(c_ptr), value :: host
    functions(1) = flame_function(c_loc(dot_name), c_loc(dot_signature), c_loc(dot_doc), c_loc(dot_flags), &
                                  c_loc(nothing), c_funloc(dot))
    plugin = flame_plugin(int(c_sizeof(plugin), c_int32_t), 1, int(c_sizeof(functions(1)), c_int32_t), 1, &
                          c_loc(plugin_name), c_loc(plugin_version), c_loc(functions), c_null_funptr, c_null_funptr)
    flame_plugin_v1 = c_loc(plugin)
  end function
end module
