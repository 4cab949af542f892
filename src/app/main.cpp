#include "espalier/app/program.hpp"

int main(int argc, char** argv) { return espalier::app::run_program(argc, argv); }
