// Asio and Beast's own code, compiled once for all that use asio_dep instead of in each of their files.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
