"""A live page about the server that serves it: python -m pymongoose.demo"""
