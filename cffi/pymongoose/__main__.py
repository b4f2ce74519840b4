"""python -m pymongoose: the same as the command pymongoose."""

from .serve.command import main

if __name__ == "__main__":
    main()
