{ pkgs ? import <nixpkgs> { } }:

pkgs.rustPlatform.buildRustPackage {
  pname = "libmongoose";
  version = "0.1.0";
  src = ../..;
  cargoLock.lockFile = ../../Cargo.lock;
  nativeBuildInputs = [ pkgs.cmake pkgs.python3 ];
  # cmake is for a crate, not for this tree.
  dontUseCmakeConfigure = true;
  doCheck = false;
  installPhase = ''
    built=$(dirname "$(find target -name libmongoose.a -path '*release*' -not -path '*deps*' | head -n 1)")
    python3 scripts/install.py install --built "$built" --prefix "$out"
  '';
  meta = {
    description = "Event-driven networking with the C interface of Mongoose 7.22";
    license = with pkgs.lib.licenses; [ mit asl20 ];
    platforms = pkgs.lib.platforms.linux;
  };
}
